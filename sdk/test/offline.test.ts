import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ACCEPTED,
  emptyShelf,
  eventsIn,
  fullShelf,
  Page,
  type PageOptions,
  pass,
  Server,
  startClock,
  stopClock,
} from "./browser";

beforeEach(stopClock);
afterEach(startClock);

const DAY_MS = 24 * 60 * 60 * 1000;

/** A page that sends nothing by itself, with `n` events tracked while offline. */
async function offline(n: number, options: PageOptions = {}) {
  const local = emptyShelf();
  const page = new Page({ local, tag: { "data-auto": "false" }, ...options });
  page.goOffline();
  for (let i = 0; i < n; i++) page.weir.track(`e${i}`);
  await pass(200);
  return { page, local };
}

const names = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `e${i + from}`);

test("offline, events go to the device without a try, one key each", async () => {
  const { page, local } = await offline(3);
  expect(page.server.requests).toHaveLength(0);
  expect(eventsIn(local)).toHaveLength(3);
  expect(JSON.parse(local[eventsIn(local)[0]])).toMatchObject({ type: "event", name: "e0" });
});

test("back online they leave oldest first, ten a request, one request at a time", async () => {
  const { page, local } = await offline(25);
  page.server.script = ["silence"];
  page.goOnline();
  await pass(0);
  expect(page.server.requests).toHaveLength(1);
  await pass(20_000);
  expect(page.server.requests.map((r) => r.body.events.length)).toEqual([10, 10, 10, 5]);
  expect(page.server.names().slice(10)).toEqual(names(25));
  expect(eventsIn(local)).toHaveLength(0);
});

test("stored events leave by plain fetch, 32 KB a request", async () => {
  const { page } = await offline(0);
  for (let i = 0; i < 4; i++) page.weir.track("large", { text: "x".repeat(10_000) });
  await pass(200);
  page.goOnline();
  await pass(0);
  expect(page.server.requests.map((r) => r.body.events.length)).toEqual([3, 1]);
  expect(page.server.requests.some((r) => r.options.keepalive)).toBe(false);
});

test("an event leaves the device only once it is acknowledged", async () => {
  const { page, local } = await offline(12);
  page.server.reply = "error";
  page.goOnline();
  await pass(30_000);
  expect(eventsIn(local)).toHaveLength(12);
  expect(page.server.requests).toHaveLength(4);
  page.server.reply = ACCEPTED;
  await pass(60_000);
  expect(eventsIn(local)).toHaveLength(0);
});

test("a refused event leaves the device too, or it would be sent for ever", async () => {
  const { page, local } = await offline(2);
  page.server.reply = { status: 400, body: { error: "no such site" } };
  page.goOnline();
  await pass(1000);
  expect(eventsIn(local)).toHaveLength(0);
});

test("the next page of the site sends them under the same ids", async () => {
  const { page, local } = await offline(3);
  const ids = eventsIn(local).map((key) => key.slice(5));
  page.leave();
  const next = new Page({ local, tag: { "data-auto": "false" } });
  await pass(0);
  expect(next.events.map((event) => event.id)).toEqual(ids);
  expect(eventsIn(local)).toHaveLength(0);
});

test("a delivery that succeeds takes along what is stored", async () => {
  const local = emptyShelf();
  const page = new Page({ local });
  page.server.script = ["error", "error", "error", "error"];
  await pass(10_000);
  expect(eventsIn(local)).toHaveLength(1);
  page.push("/next");
  await pass(200);
  expect(eventsIn(local)).toHaveLength(0);
  expect(page.server.requests).toHaveLength(6);
});

describe("at most 100 are kept", () => {
  test("a hundred are", async () => {
    const { page, local } = await offline(100);
    expect(eventsIn(local)).toHaveLength(100);
    page.goOnline();
    await pass(1000);
    expect(page.server.requests.every((r) => r.body.lost === undefined)).toBe(true);
  });

  test("of 103 the three oldest go, and are reported once", async () => {
    const { page, local } = await offline(103);
    expect(eventsIn(local)).toHaveLength(100);
    page.goOnline();
    await pass(1000);
    expect(page.server.names()).toEqual(names(100, 3));
    expect(page.server.requests.map((r) => r.body.lost)).toEqual([3, ...Array(9).fill(undefined)]);
    expect(Object.keys(local)).toEqual([]);
  });

  test("the count outlives the page, and a delivery that failed", async () => {
    const { local } = await offline(101);
    const server = new Server();
    server.script = ["error"];
    const page = new Page({ local, server, tag: { "data-auto": "false" } });
    await pass(2000);
    expect(page.server.requests.slice(0, 2).map((r) => r.body.lost)).toEqual([1, 1]);
    expect(page.server.requests.slice(2).every((r) => r.body.lost === undefined)).toBe(true);
  });
});

describe("an event dies after 24 hours", () => {
  test.each([
    ["a millisecond before", DAY_MS - 1, 1, undefined],
    ["at 24 hours", DAY_MS, 0, 1],
  ])("%s", async (_name, age, sent, lost) => {
    const { local } = await offline(1);
    vi.setSystemTime(Date.now() + age - 200);
    const page = new Page({ local, tag: { "data-auto": "false" } });
    page.weir.track("now");
    await pass(200);
    expect(page.events.filter((event) => event.name === "e0")).toHaveLength(sent);
    expect(page.server.requests.find((r) => r.body.lost)?.body.lost).toBe(lost);
    expect(eventsIn(local)).toHaveLength(0);
  });

  test("also one of a clock that was a year ahead", async () => {
    vi.setSystemTime(Date.now() + 365 * DAY_MS);
    const { local } = await offline(1);
    vi.setSystemTime(Date.now() - 365 * DAY_MS);
    const page = new Page({ local, tag: { "data-auto": "false" } });
    await pass(200);
    expect(page.events).toHaveLength(0);
    expect(eventsIn(local)).toHaveLength(0);
  });
});

test("two tabs that store at once keep both their events", async () => {
  const local = emptyShelf();
  const [a, b] = [new Page({ local }), new Page({ local })];
  a.goOffline();
  b.goOffline();
  await pass(200);
  expect(eventsIn(local)).toHaveLength(2);
});

test("what a page has spoilt on the device is let go, and spoils nothing", async () => {
  const { page, local } = await offline(2);
  const [key] = eventsIn(local);
  local[key] = local[key].slice(0, -1);
  page.goOnline();
  await pass(200);
  expect(page.events).toHaveLength(1);
  expect(page.server.requests[0].body.lost).toBe(1);
  expect(Object.keys(local)).toEqual([]);
});

test("what other scripts keep on the device stays as it is", async () => {
  const local = Object.assign(emptyShelf(), { theme: "dark", weird: "yes" });
  const { page } = await offline(101, { local });
  page.goOnline();
  await pass(1000);
  expect(local).toEqual({ theme: "dark", weird: "yes" });
});

describe("without a device to write to, events wait in memory", () => {
  const blocked = () => {
    throw new DOMException("blocked", "SecurityError");
  };
  const devices: [string, PageOptions][] = [
    ["storage is blocked", { local: blocked, session: blocked }],
    ["storage is null, as in some web views", { local: () => null as never, session: () => null as never }],
    ["storage is full", { local: fullShelf(), session: fullShelf() }],
    ["the tag says storage none", { tag: { "data-auto": "false", "data-storage": "none" } }],
  ];
  test.each(devices)("%s", async (_name, options) => {
    const { page } = await offline(101, options);
    page.goOnline();
    await pass(1000);
    expect(page.server.names()).toEqual(names(100, 1));
    expect(page.server.requests[0].body.lost).toBe(1);
  });

  test.each(devices)("%s: and leave with the page", async (_name, options) => {
    const { page } = await offline(2, options);
    page.navigator.onLine = true;
    page.leave();
    expect(page.server.requests.map((r) => r.via)).toEqual(["beacon"]);
    expect(page.server.names()).toEqual(names(2));
  });
});

test("storage none writes nothing at all", async () => {
  const [local, session] = [emptyShelf(), emptyShelf()];
  const { page } = await offline(101, { local, session, tag: { "data-storage": "none" } });
  page.leave();
  page.goOnline();
  page.push("/next");
  page.leave();
  await pass(1000);
  expect(page.events.length).toBeGreaterThan(0);
  expect([Object.keys(local), Object.keys(session)]).toEqual([[], []]);
});

test("a device that never deletes does not make us send for ever", async () => {
  const stubborn = new Proxy(emptyShelf(), { deleteProperty: () => true });
  const { page } = await offline(12, { local: stubborn });
  page.goOnline();
  await pass(10_000);
  expect(page.server.requests.length).toBeLessThan(10);
});

test("stored events of another server's outage do not delay the page's own", async () => {
  const { local } = await offline(5);
  const server = new Server();
  server.script = ["silence"];
  const page = new Page({ local, server });
  await pass(200);
  expect(page.server.names().at(-1)).toBe("/");
});
