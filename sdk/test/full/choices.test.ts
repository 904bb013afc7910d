import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { emptyShelf, eventsIn, fullShelf, Page, pass, type Shelf, startClock, stopClock } from "../browser";

beforeEach(stopClock);
afterEach(startClock);

const blocked = () => {
  throw new DOMException("blocked", "SecurityError");
};

const devices: [string, () => Shelf | (() => Shelf)][] = [
  ["a device", emptyShelf],
  ["a device that is full", fullShelf],
  ["a device that is blocked", () => blocked],
];

describe.each(devices)("on %s", (_name, device) => {
  test("whoever opts out is not counted from then on, nor is what was waiting", async () => {
    const page = new Page({ local: device(), session: device() });
    await pass(200);
    page.weir.track("waiting");
    page.weir.optOut();
    page.weir.track("after");
    page.push("/a");
    await pass(30_000);
    page.leave();
    expect(page.server.names()).toEqual(["/"]);
    expect(page.weir.status()).toBe("opt-out");
  });

  test("whoever opts in again is", async () => {
    const page = new Page({ local: device() });
    page.weir.optOut();
    page.weir.optIn();
    page.weir.track("after");
    await pass(200);
    expect(page.server.names()).toEqual(["after"]);
    expect(page.weir.status()).toBe("counted");
  });

  test("a site that needs consent sends nothing before, and then everything", async () => {
    const page = new Page({ local: device(), tag: { "data-consent": "" } });
    page.weir.track("early");
    page.turn("hidden");
    page.turn("visible");
    await pass(60_000);
    expect([page.server.requests, page.weir.status()]).toEqual([[], "consent"]);
    page.weir.optIn();
    await pass(200);
    expect(page.events.map((event) => event.name ?? event.type)).toEqual(["pageview", "early"]);
    expect(page.weir.status()).toBe("counted");
  });
});

test("what is under way when somebody opts out is neither tried again nor kept", async () => {
  const [local, session] = [emptyShelf(), emptyShelf()];
  const page = new Page({ local, session });
  page.server.reply = "error";
  page.weir.flush();
  await pass(100);
  page.weir.optOut();
  await pass(100_000);
  page.leave();
  expect(page.server.requests).toHaveLength(1);
  expect([eventsIn(local), eventsIn(session)]).toEqual([[], []]);
});

test("whoever opts out takes along what is stored of them", async () => {
  const [local, session] = [emptyShelf(), emptyShelf()];
  const page = new Page({ local, session });
  page.goOffline();
  await pass(200);
  page.leave();
  page.weir.optOut();
  expect([Object.keys(local), Object.keys(session)]).toEqual([["weir_ignore"], []]);
});

describe("without consent", () => {
  const tag = { "data-consent": "true" };

  test("nothing is stored, whatever happens", async () => {
    const [local, session] = [emptyShelf(), emptyShelf()];
    const page = new Page({ local, session, tag });
    for (let n = 0; n < 300; n++) page.weir.track(`e${n}`);
    page.weir.flush();
    page.goOffline();
    page.turn("hidden");
    page.leave();
    await pass(100_000);
    expect([Object.keys(local), Object.keys(session), page.server.requests]).toEqual([[], [], []]);
  });

  test("at most 200 events wait for it, and it is said how many were given up", async () => {
    const page = new Page({ tag });
    for (let n = 0; n <= 200; n++) page.weir.track(`e${n}`);
    page.weir.optIn();
    await pass(1000);
    expect(page.server.names()).toHaveLength(200);
    expect(page.server.requests.reduce((sum, { body }) => sum + (body.lost ?? 0), 0)).toBe(2);
  });

  test("what was stored with it before is not sent", async () => {
    const local = emptyShelf();
    const before = new Page({ local });
    before.goOffline();
    await pass(200);
    const page = new Page({ local, tag });
    await pass(100_000);
    expect(page.server.requests).toHaveLength(0);
  });

  test("a refusal is the end of it", async () => {
    const page = new Page({ tag });
    page.weir.optOut();
    page.leave();
    expect([page.server.requests, page.weir.status()]).toEqual([[], "opt-out"]);
  });
});

test("consent once given holds for the next page", async () => {
  const local = emptyShelf();
  new Page({ local, tag: { "data-consent": "" } }).weir.optIn();
  const next = new Page({ local, tag: { "data-consent": "" } });
  await pass(200);
  expect([next.server.names(), next.weir.status()]).toEqual([["/"], "counted"]);
});

test("status says what a browser's own signal does", () => {
  const status = (navigator: object, tag = {}) =>
    new Page({ navigator: { ...navigator }, tag }).weir.status();
  expect(status({ doNotTrack: "1" })).toBe("dnt");
  expect(status({ doNotTrack: "1" }, { "data-dnt": "false" })).toBe("counted");
  expect(status({ globalPrivacyControl: true }, { "data-gpc": "" })).toBe("gpc");
});
