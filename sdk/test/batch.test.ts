import { afterEach, beforeEach, expect, test } from "vitest";
import { emptyShelf, Page, pass, START, startClock, stopClock } from "./browser";

beforeEach(stopClock);
afterEach(startClock);

test("events of 200 ms leave as one request", async () => {
  const page = new Page();
  await pass(199);
  page.weir.track("signup");
  expect(page.server.requests).toHaveLength(0);
  await pass(1);
  expect(page.server.requests).toHaveLength(1);
  expect(page.events.map((event) => event.type)).toEqual(["pageview", "event"]);
});

test("a page that loads does not wait for its device, and a call that needs it does", async () => {
  const opened: string[] = [];
  const shelf = (name: string) => () => {
    opened.push(name);
    return emptyShelf();
  };
  const devices = () => ({ local: shelf("local"), session: shelf("session") });
  new Page(devices());
  expect(opened).toEqual([]);
  await pass(0);
  expect(new Set(opened)).toEqual(new Set(["local", "session"]));
  opened.length = 0;
  new Page(devices()).weir.flush();
  expect(new Set(opened)).toEqual(new Set(["local", "session"]));
});

test("the tenth event sends the batch at once", async () => {
  const page = new Page();
  for (let n = 1; n <= 8; n++) page.weir.track(`e${n}`);
  expect(page.server.requests).toHaveLength(0);
  page.weir.track("e9");
  expect(page.server.requests).toHaveLength(1);
  expect(page.events).toHaveLength(10);
  await pass(1000);
  expect(page.server.requests).toHaveLength(1);
});

test("25 events of one moment are three requests", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  for (let n = 0; n < 25; n++) page.weir.track(`e${n}`);
  await pass(200);
  expect(page.server.requests.map((request) => request.body.events.length)).toEqual([10, 10, 5]);
});

test("large events are spread over requests of 32 KB", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  for (let n = 0; n < 9; n++) page.weir.track("large", { text: "ä".repeat(4000) });
  await pass(200);
  expect(page.events).toHaveLength(9);
  for (const request of page.server.requests) expect(Buffer.byteLength(request.text)).toBeLessThan(33_000);
});

test("a page without events makes no request", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  await pass(10_000);
  page.weir.flush();
  expect(page.server.requests).toHaveLength(0);
});

test("a request needs no preflight and carries no cookie", async () => {
  const page = new Page();
  await pass(200);
  const { url, options } = page.server.requests[0];
  expect(url).toBe("https://stats.example/x/api/v1/events");
  expect(options).toMatchObject({
    method: "POST",
    headers: { "Content-Type": "text/plain" },
    credentials: "omit",
    keepalive: true,
  });
});

test("keepalive is asked for up to 16 KB only", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  for (const size of [15_000, 17_000]) {
    page.weir.track("large", { text: "x".repeat(size) });
    page.weir.flush();
  }
  expect(page.server.requests.map((request) => request.options.keepalive)).toEqual([true, false]);
});

test("a batch carries the client's clock of its own moment", async () => {
  const page = new Page();
  await pass(200);
  const { sentAt, events } = page.server.requests[0].body;
  expect(events[0].timestamp).toBe(START);
  expect(sentAt).toBe(START + 200);
});

test("flush sends what waits, now", () => {
  const page = new Page();
  page.weir.flush();
  expect(page.events).toHaveLength(1);
});

test("an event carries what track was given, and nothing else", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  page.weir.track("purchase", { plan: "gold", seats: 3 }, { revenue: { amount: "12.34", currency: "EUR" } });
  page.weir.track("scrolled", undefined, { interactive: false });
  await pass(200);
  const [purchase, scrolled] = page.events;
  expect(purchase).toEqual({
    id: expect.any(String),
    type: "event",
    timestamp: START,
    url: "https://shop.example/",
    name: "purchase",
    props: { plan: "gold", seats: 3 },
    revenue: { amount: "12.34", currency: "EUR" },
  });
  expect(Object.keys(scrolled)).toEqual(["id", "type", "timestamp", "url", "name", "interactive"]);
  expect(scrolled.interactive).toBe(false);
});

test("an event is what it was when it happened", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  const props = { step: 1 };
  page.weir.track("checkout", props);
  props.step = 2;
  page.push("/later");
  await pass(200);
  expect(page.events[0]).toMatchObject({ props: { step: 1 }, url: "https://shop.example/" });
});

test("the endpoint can be named", async () => {
  const page = new Page({ tag: { "data-endpoint": "https://shop.example/count" } });
  await pass(200);
  expect(page.server.requests[0].url).toBe("https://shop.example/count");
});
