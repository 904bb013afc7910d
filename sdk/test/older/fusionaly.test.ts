import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { emptyShelf, Page, type PageOptions, pass, startClock, stopClock } from "../browser";

beforeEach(stopClock);
afterEach(startClock);

const config = (members: object) => `window.Fusionaly = { config: ${JSON.stringify(members)} }`;
const older = (options: PageOptions = {}) => new Page({ tag: { "data-website-id": "1" }, ...options });

describe("a page that was written for Fusionaly", () => {
  test("sends page views and custom events by its own calls", async () => {
    const page = older();
    page.run(
      `Fusionaly.setUser({ userId: 42 }); Fusionaly.sendCustomEvent("signup", { plan: "gold", of: { a: 1 } })`,
    );
    page.run(`Fusionaly.sendPageView()`);
    await pass(200);
    expect(page.events.map(({ type }) => type)).toEqual(["pageview", "event", "pageview"]);
    expect([page.events[1].name, page.events[1].props]).toEqual(["signup", { plan: "gold", of: '{"a":1}' }]);
    expect(page.run("Fusionaly.userId")).toBe(42);
    expect(JSON.stringify(page.events)).not.toContain("userId");
  });

  test("tells a purchase in the currency's smallest unit", async () => {
    const page = older();
    page.run(`Fusionaly.registerPurchase(1999, "EUR", { quantity: 2, sku: "A1" })`);
    page.run(`Fusionaly.registerPurchase(500, "JPY"); Fusionaly.registerPurchase(5)`);
    page.run(`Fusionaly.registerPurchase(0); Fusionaly.registerPurchase("much")`);
    await pass(200);
    const sold = page.events.slice(1);
    expect(sold.map(({ name, revenue }) => [name, revenue])).toEqual([
      ["revenue:purchased", { amount: "39.98", currency: "EUR" }],
      ["revenue:purchased", { amount: "500", currency: "JPY" }],
      ["revenue:purchased", { amount: "0.05", currency: "USD" }],
    ]);
    expect(sold[0].props).toEqual({ price: 1999, currency: "EUR", quantity: 2, sku: "A1" });
  });

  test("is set by its own configuration", async () => {
    const page = older({
      before: config({ host: "https://moved.example", autoSendPageViews: false, respectDoNotTrack: false }),
      navigator: { doNotTrack: "1" },
    });
    page.run(`Fusionaly.sendCustomEvent("only")`);
    await pass(200);
    expect(page.server.names()).toEqual(["only"]);
    expect(page.server.requests[0].url).toBe("https://moved.example/x/api/v1/events");
  });

  test("keeps what it has put at that name itself", async () => {
    const page = older({ before: `Fusionaly = { sendPageView: () => "mine", config: { debug: true } }` });
    expect(page.run("[Fusionaly.sendPageView(), Fusionaly.config.debug].join()")).toBe("mine,true");
  });

  test("sends one event at a time, in Fusionaly's form, where the batch size is 1", async () => {
    const page = older({
      before: config({ maxBatchSize: 1 }),
      referrer: "https://news.example/story",
      navigator: { userAgent: "Browser/1" },
    });
    page.run(`Fusionaly.sendCustomEvent("signup", { plan: "gold" })`);
    page.run(`Fusionaly.registerPurchase(1999, "EUR", { quantity: 2 })`);
    await pass(1500);
    page.leave();
    const sent = page.server.requests.map(({ text }) => JSON.parse(text));
    expect(sent.map(({ eventType, eventKey }) => [eventType, eventKey])).toEqual([
      [1, undefined],
      [2, "signup"],
      [2, "revenue:purchased"],
    ]);
    const [view, signup, sold] = sent;
    expect(Object.keys(view)).toEqual([
      "id",
      "url",
      "referrer",
      "timestamp",
      "userId",
      "eventType",
      "userAgent",
    ]);
    expect([view.referrer, view.userId, view.userAgent]).toEqual([
      "https://news.example/story",
      null,
      "Browser/1",
    ]);
    expect(new Date(signup.timestamp).toISOString()).toBe(signup.timestamp);
    expect(signup.eventMetadata).toEqual({ plan: "gold" });
    expect(sold.eventMetadata).toEqual({ price: 1999, currency: "EUR", quantity: 2 });
  });

  test("sends what a page left that did not send one at a time, be it of a kind that has no such form", async () => {
    const session = emptyShelf();
    const first = older({ session });
    first.server.reply = "error";
    await pass(2000);
    first.leave();
    const page = older({ session, before: config({ maxBatchSize: 1 }) });
    await pass(60_000);
    const bodies = page.server.requests.map(({ text }) => JSON.parse(text));
    const engaged = bodies.find(({ events }) => events);
    expect(engaged.events.map(({ type }: { type: string }) => type)).toEqual(["engagement"]);
    expect(bodies.filter(({ eventType }) => eventType).map(({ eventType }) => eventType)).toEqual([1, 1]);
  });

  test("keeps an event that goes alone until it is answered, under one id", async () => {
    const page = older({ before: config({ maxBatchSize: 1 }) });
    page.server.script = ["error", { status: 503 }];
    await pass(20_000);
    const ids = page.server.requests.map(({ text }) => JSON.parse(text).id);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
  });

  test("sends its waiting events one by one as the page goes", async () => {
    const page = older({ before: config({ maxBatchSize: 1, autoSendPageViews: false }) });
    page.run(`for (const name of ["a", "b", "c"]) Fusionaly.sendCustomEvent(name)`);
    page.leave();
    const beacons = page.server.requests.filter(({ via }) => via === "beacon");
    expect(beacons.map(({ text }) => JSON.parse(text).eventKey)).toEqual(["a", "b", "c"]);
  });

  test("finds the configuration that Fusionaly's script would have filled in", () => {
    const page = older({ before: config({ scrollDepthThresholds: [50] }) });
    expect(page.run("JSON.stringify(Fusionaly.config)")).toBe(
      JSON.stringify({
        eventTypes: { pageView: 1, customEvent: 2 },
        scrollDepthThresholds: [50],
        scrollDepthEventKey: "scroll:depth",
        scrollSectionEventKey: "scroll:section",
        scrollSectionThreshold: 0.5,
      }),
    );
  });
});
