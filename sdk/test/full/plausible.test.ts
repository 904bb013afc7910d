import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { emptyShelf, Page, type PageOptions, pass, startClock, stopClock } from "../browser";

beforeEach(stopClock);
afterEach(startClock);

/** What older pages have beside the tag. */
const STUB = `function plausible() { (plausible.q = plausible.q || []).push(arguments) }`;
const older = (options: PageOptions = {}) =>
  new Page({
    src: "https://stats.example/js/script.js",
    tag: { "data-domain": "shop.example" },
    before: STUB,
    ...options,
  });

describe("a tag that was written for Plausible", () => {
  test("counts page views at our own address", async () => {
    const page = older();
    await pass(200);
    expect(page.server.names()).toEqual(["/"]);
    expect(page.server.requests[0].url).toBe("https://stats.example/x/api/v1/events");
  });

  test("has its calls answered, also those that came before the script", async () => {
    const page = older({ before: `${STUB}; plausible("Early", { props: { plan: "gold" } })` });
    page.run(`plausible("Buy", { revenue: { amount: "9.99", currency: "EUR" }, interactive: false })`);
    page.run(`plausible("pageview", { props: { author: "me" } })`);
    await pass(200);
    const [view, early, buy, again] = page.events;
    expect([view.type, again.type, again.props]).toEqual(["pageview", "pageview", { author: "me" }]);
    expect([early.name, early.props]).toEqual(["Early", { plan: "gold" }]);
    expect([buy.name, buy.interactive, buy.revenue]).toEqual([
      "Buy",
      false,
      { amount: "9.99", currency: "EUR" },
    ]);
  });

  test("lets a page go on that waits for the answer, counted or not", async () => {
    const page = older({ local: Object.assign(emptyShelf(), { weir_ignore: "true" }) });
    page.run(`heard = 0; plausible("Out", { callback: ({ status }) => { heard += status ? 2 : 1; } })`);
    expect(page.run("heard")).toBe(0);
    await pass(0);
    expect([page.run("heard"), page.server.requests]).toEqual([1, []]);
  });

  test("heeds the word of a visitor that Plausible was not to count, until there is one of ours", async () => {
    const local = Object.assign(emptyShelf(), { plausible_ignore: "true" });
    const page = older({ local });
    await pass(200);
    expect([page.server.requests, page.weir.status()]).toEqual([[], "opt-out"]);
    page.weir.optIn();
    page.run(`plausible("Back")`);
    await pass(200);
    expect(page.server.names()).toEqual(["Back"]);
  });

  test("says in the script's name that the site routes by hash, or sends views itself", async () => {
    const hash = older({
      src: "https://stats.example/js/script.hash.js",
      url: "https://shop.example/app#/a",
    });
    await pass(200);
    expect(hash.events.map(({ url, hash }) => [url, hash])).toEqual([["https://shop.example/app#/a", true]]);
    const manual = older({ src: "https://stats.example/js/script.manual.js" });
    await pass(200);
    expect(manual.server.requests).toEqual([]);
    manual.run(`plausible("pageview")`);
    await pass(200);
    expect(manual.server.names()).toEqual(["/"]);
  });

  test("is known by its path where it names no domain, as newer ones do", async () => {
    const init = `plausible.init = (i) => { plausible.o = i || {} }; plausible.init(); plausible("Early")`;
    for (const name of ["script.js", "pa-Ab1.js"]) {
      const src = `https://stats.example/js/${name}`;
      const page = older({ src, tag: {}, before: `${STUB}; ${init}` });
      page.run(`plausible("Late")`);
      await pass(200);
      expect(page.server.names()).toEqual(["/", "Early", "Late"]);
    }
  });

  test("leaves the name alone where the tag is of ours", async () => {
    const page = new Page({ before: `${STUB}; plausible("Theirs")` });
    await pass(200);
    expect([page.server.names(), page.run("plausible.q.length")]).toEqual([["/"], 1]);
  });
});
