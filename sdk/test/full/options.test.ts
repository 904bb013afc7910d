import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  emptyShelf,
  eventsIn,
  Page,
  type PageOptions,
  pass,
  Server,
  startClock,
  stopClock,
} from "../browser";

beforeEach(stopClock);
afterEach(startClock);

const MANUAL = { "data-auto": "false" };

describe("before-send", () => {
  async function seen(options: PageOptions) {
    const page = new Page(options);
    page.weir.track("signup", { plan: "gold" });
    await pass(200);
    return page.events;
  }

  test("may change an event, and its id stays", async () => {
    const beforeSend = (event: object) => ({ ...event, url: "https://shop.example/changed" });
    const [view, signup] = await seen({ early: { config: { beforeSend } } });
    expect([view.url, signup.url]).toEqual(Array(2).fill("https://shop.example/changed"));
    expect(view.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([undefined, null, false])("drops an event by %j", async (answer) => {
    const beforeSend = (event: { type: string }) => (event.type === "event" ? answer : event);
    expect((await seen({ early: { config: { beforeSend } } })).map((event) => event.type)).toEqual([
      "pageview",
    ]);
  });

  test.each([42, "text", {}, []])("drops an event by %j, which is none", async (answer) => {
    expect(await seen({ early: { config: { beforeSend: () => answer } } })).toEqual([]);
  });

  test("that throws drops the event: what it would have taken out does not leave", async () => {
    const beforeSend = () => {
      throw new Error("mine");
    };
    expect(await seen({ early: { config: { beforeSend } } })).toEqual([]);
  });

  test("is named on the tag where a page has no inline script", async () => {
    const before = "scrub = (event) => Object.assign(event, { props: { scrubbed: true } })";
    const [view] = await seen({ before, tag: { "data-before-send": "scrub" } });
    expect(view.props).toEqual({ scrubbed: true });
  });

  test("that does not exist changes nothing", async () => {
    expect(await seen({ tag: { "data-before-send": "nothing" } })).toHaveLength(2);
  });
});

describe("what page views tell besides", () => {
  const before = "screen = { width: 390 }; navigator.language = 'de-AT'";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

  test("is nothing unless it is asked for", async () => {
    const page = new Page({ before });
    await pass(200);
    expect(Object.keys(page.events[0])).toEqual(["id", "type", "timestamp", "url"]);
  });

  test("is what is asked for, beside what the call says", async () => {
    const page = new Page({ before, tag: { ...MANUAL, "data-with": "screen, language timezone nonsense" } });
    page.weir.page({ section: "news" });
    page.weir.track("e");
    await pass(200);
    const [view, event] = page.events;
    expect(view.props).toEqual({ screen: "small", language: "de-AT", timezone: zone, section: "news" });
    expect(event).not.toHaveProperty("props");
  });

  test.each([
    [575, "small"],
    [576, "medium"],
    [991, "medium"],
    [992, "large"],
    [1439, "large"],
    [1440, "wide"],
  ])("a screen of %d is %s", async (width, name) => {
    const page = new Page({ before: `screen = { width: ${width} }`, tag: { "data-with": "screen" } });
    await pass(200);
    expect(page.events[0].props).toEqual({ screen: name });
  });
});

test("a purchase is an event with its revenue", async () => {
  const page = new Page({ tag: MANUAL });
  page.weir.purchase("12.34", "EUR", { sku: "A1" });
  await pass(200);
  expect(page.events[0]).toMatchObject({
    type: "event",
    name: "purchase",
    props: { sku: "A1" },
    revenue: { amount: "12.34", currency: "EUR" },
  });
});

test("calls made before the script was there work for every function", async () => {
  const q = [["optOut"], ["track", "unheard"], ["optIn"], ["purchase", 1, "EUR"]];
  const page = new Page({ early: { q }, tag: MANUAL });
  await pass(200);
  expect(page.server.names()).toEqual(["purchase"]);
});

describe("two trackers on one page", () => {
  test("each send to their own server and keep their own events", async () => {
    const local = emptyShelf();
    const first = new Page({ local });
    const tag = { "data-name": "stats", "data-endpoint": "https://other.example/x/api/v1/events" };
    const second = new Page({ local, tag, server: new Server() });
    second.window.stats.track("mine");
    for (const page of [first, second]) page.goOffline();
    await pass(200);
    expect(
      [eventsIn(local), Object.keys(local).filter((key) => key.startsWith("stats:"))].map((k) => k.length),
    ).toEqual([1, 2]);
    for (const page of [first, second]) page.goOnline();
    await pass(1000);
    expect([first.server.names(), second.server.names()]).toEqual([["/"], ["/", "mine"]]);
    expect(second.window.weir).toBeUndefined();
    expect(Object.keys(local)).toEqual([]);
  });

  test("of one name are one", async () => {
    const [first, server] = [new Page(), new Server()];
    new Page({ early: first.weir, server });
    await pass(200);
    expect(server.requests).toHaveLength(0);
  });
});

test("options of a script come from the page's object as well as from the tag", async () => {
  const page = new Page({ early: { config: { auto: false, endpoint: "https://own.example/e" } } });
  page.weir.track("e");
  await pass(200);
  expect([page.server.names(), page.server.requests[0].url]).toEqual([["e"], "https://own.example/e"]);
});
