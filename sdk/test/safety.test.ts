import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FORM, Page, type PageOptions, pass, startClock, stopClock } from "./browser";

beforeEach(stopClock);
afterEach(startClock);

// A rejection that nobody handles, or an error in a listener, fails the run by itself.

/** Everything that a page can do. */
async function live(page: Page) {
  const { weir } = page;
  if (weir && weir.track) {
    weir.track("e", { a: 1 });
    weir.page();
    weir.flush();
  }
  page.push("/a");
  page.back();
  await pass(30_000);
  page.goOffline();
  page.push("/b");
  await pass(200);
  page.goOnline();
  await pass(30_000);
  page.leave();
  page.turn("visible");
  page.fire("pageshow", { persisted: true });
  await pass(100_000);
}

const broken = () => {
  throw new Error("broken");
};

const pages: [string, PageOptions][] = [
  ["no fetch", { fetch: undefined }],
  ["a fetch that throws", { fetch: broken }],
  ["a fetch that answers nothing", { fetch: async () => undefined }],
  ["a beacon that throws", { navigator: { sendBeacon: broken } }],
  ["no random numbers", { before: "crypto = undefined" }],
  ["a JSON that throws", { before: "JSON.stringify = () => { throw 1 }" }],
  ["no TextEncoder", { before: "TextEncoder = undefined" }],
  ["no performance clock", { before: "performance = undefined" }],
  ["a history that cannot be changed", { before: "Object.freeze(history)" }],
  ["a file, which is on no site", { url: "file:///home/me/page.html" }],
  ["no script tag", { src: null }],
  ["a script tag without address", { src: "" }],
  ["an element with the id weir", { early: { nodeName: "DIV" } }],
  ["an early queue that is none", { early: { q: "track" } }],
  ["early calls of nothing", { early: { q: [[], ["none"], null, 1] } }],
];

test.each(pages)("nothing reaches the page: %s", async (_name, options) => {
  const page = new Page(options);
  await live(page);
  expect(page.warnings).toEqual([]);
});

describe("an argument that cannot be sent costs that event only", () => {
  const values: [string, string][] = [
    ["a cycle", "const a = {}; a.a = a; weir.track('x', a)"],
    ["a BigInt", "weir.track('x', { n: 1n })"],
    ["a getter that throws", "weir.track('x', { get a() { throw 1 } })"],
    ["a symbol as name", "weir.track(Symbol())"],
    ["no queue call", "weir.q.push()"],
  ];
  test.each(values)("%s", async (_name, code) => {
    const page = new Page({ tag: { "data-auto": "false" } });
    page.run(code);
    page.weir.track("next");
    await pass(200);
    expect(page.server.names()).toEqual(["next"]);
  });
});

test("a number as name is sent as text", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  page.run("weir.track(404); weir.track('x', null, null)");
  await pass(200);
  expect(page.server.names()).toEqual(["404", "x"]);
});

test("a name that is none is sent as an empty one, which is refused", async () => {
  const page = new Page({ tag: { "data-auto": "false" } });
  page.run("weir.track(); weir.track(null); weir.track(undefined, { a: 1 })");
  await pass(200);
  expect(page.server.names()).toEqual(["", "", ""]);
});

test("what a page put on Object.prototype changes nothing", async () => {
  const before = `
    Object.prototype.extra = "x";
    Object.prototype.method = "DELETE";
    Object.prototype.interactive = false;
    Object.prototype.revenue = { amount: "1", currency: "USD" };
    Object.prototype.signal = "x";
    Array.prototype.first = function () {};
    Array.prototype.toJSON = function () { return "prototype.js"; };`;
  const polluted = new Page({ before });
  const clean = new Page();
  for (const page of [polluted, clean]) {
    page.weir.track("e", { a: 1 });
    page.weir.track("e", {}, {});
    page.goOffline();
    await pass(200);
    page.goOnline();
    await pass(200);
  }
  const shape = (page: Page) => page.events.map(({ id: _id, timestamp: _timestamp, ...rest }) => rest);
  expect(polluted.events).toHaveLength(3);
  expect(shape(polluted)).toEqual(shape(clean));
  const { options } = polluted.server.requests[0];
  expect([options.method, "signal" in options]).toEqual(["POST", false]);
});

test("one global name is taken", () => {
  const names = (page: Page) => new Set(Object.getOwnPropertyNames(page.window));
  const before = names(new Page({ src: null }));
  const added = [...names(new Page())].filter((name) => !before.has(name));
  expect(added).toEqual(FORM === "fusionaly.js" ? ["Fusionaly"] : []);
  const more = FORM !== "core.js" ? ["purchase", "optOut", "optIn", "debug", "status"] : [];
  expect(Object.keys(new Page().weir)).toEqual(["track", "page", "flush", ...more, "q"]);
});
