import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { emptyShelf, Page, type PageOptions, pass, START, startClock, stopClock } from "./browser";

beforeEach(stopClock);
afterEach(startClock);

/** The addresses of the page views after the page has done `work`. */
async function views(options: PageOptions, work: (page: Page) => void) {
  const page = new Page(options);
  work(page);
  page.weir.flush();
  await pass(200);
  return page.events.filter((event) => event.type === "pageview").map((event) => event.url);
}

const HOME = "https://shop.example/";

test("the load, each pushState and each step back are a view", async () => {
  const seen = await views({}, (page) => {
    page.push("/a");
    page.push("/b?x=1");
    page.back();
  });
  expect(seen).toEqual([HOME, `${HOME}a`, `${HOME}b?x=1`, `${HOME}a`]);
});

describe("what does not change the stored path is no view", () => {
  const cases: [string, (page: Page) => void][] = [
    ["the same address pushed twice", (page) => page.push("/")],
    ["another query", (page) => page.push("/?page=2")],
    ["another fragment", (page) => page.push("/#top")],
    ["replaceState with the same path", (page) => page.window.history.replaceState({}, "", "/")],
    ["a popstate that goes nowhere", (page) => page.fire("popstate")],
    ["a hashchange", (page) => page.fire("hashchange")],
  ];
  test.each(cases)("%s", async (_name, work) => {
    expect(await views({}, work)).toEqual([HOME]);
  });
});

test("replaceState with another path is a view", async () => {
  const seen = await views({}, (page) => page.window.history.replaceState({}, "", "/new"));
  expect(seen).toEqual([HOME, `${HOME}new`]);
});

test("page() is a view of any address, changed or not", async () => {
  const seen = await views({ tag: { "data-auto": "false" } }, (page) => {
    page.push("/unseen");
    page.weir.page();
    page.weir.page();
  });
  expect(seen).toEqual([`${HOME}unseen`, `${HOME}unseen`]);
});

test("the referrer comes with the first view only, without query and fragment; later views name the site", async () => {
  const page = new Page({ referrer: "https://search.example/find?q=secret#x" });
  page.push("/a");
  await pass(200);
  expect(page.events.map((event) => event.referrer)).toEqual([
    "https://search.example/find",
    new URL(HOME).origin,
  ]);
});

test("a page without referrer sends none", async () => {
  const page = new Page();
  await pass(200);
  expect(page.events[0]).not.toHaveProperty("referrer");
});

describe("a fragment", () => {
  test("stays in the browser: it may be a secret", async () => {
    expect(await views({ url: `${HOME}cb?utm_source=x#access_token=1` }, () => {})).toEqual([
      `${HOME}cb?utm_source=x`,
    ]);
  });

  test.each(["", "true"])("is the page of a site that routes by it (data-hash=%j)", async (value) => {
    const options = { url: `${HOME}#/home`, tag: { "data-hash": value } };
    const page = new Page(options);
    page.location = new URL(`${HOME}#/cart`);
    page.fire("hashchange");
    page.fire("popstate");
    await pass(200);
    expect(page.events.map((event) => event.url)).toEqual([`${HOME}#/home`, `${HOME}#/cart`]);
    expect(page.events.every((event) => event.hash === true)).toBe(true);
  });
});

test("an address past 4096 bytes loses its query rather than the view", async () => {
  const path = (length: number) => `${HOME}?q=`.padEnd(length, "x");
  expect(await views({ url: path(4096) }, () => {})).toEqual([path(4096)]);
  expect(await views({ url: path(4097) }, () => {})).toEqual([HOME]);
});

test("the page's own history functions work as before", () => {
  const page = new Page();
  const states: unknown[] = [];
  const page2 = new Page({
    before: "history.pushState = function (...args) { this.seen = args; return 7; }",
  });
  page2.window.history.pushState({ a: 1 }, "", "/x");
  states.push(...page2.window.history.seen);
  expect(states).toEqual([{ a: 1 }, "", "/x"]);
  const failing = new Page({ before: "history.pushState = () => { throw new RangeError('mine'); }" });
  expect(() => failing.push("/x")).toThrow("mine");
  expect(() => page.push("/x")).not.toThrow();
});

describe("a prerendered page", () => {
  test("sends nothing until it is seen", async () => {
    const page = new Page({ prerendering: true });
    page.weir.track("early");
    await pass(10_000);
    expect(page.server.requests).toHaveLength(0);
    page.activate();
    await pass(200);
    expect(page.events.map((event) => event.type).sort()).toEqual(["event", "pageview"]);
  });

  test("that is never seen leaves no trace", async () => {
    const page = new Page({ prerendering: true });
    page.weir.track("early");
    page.fire("pagehide");
    await pass(10_000);
    expect(page.server.requests).toHaveLength(0);
  });

  test("begins its engaged time when it is seen", async () => {
    const page = new Page({ prerendering: true });
    await pass(10_000);
    page.activate();
    await pass(4000);
    page.leave();
    expect(page.events.find((event) => event.type === "engagement")?.engaged).toBe(4000);
  });
});

describe("a page opened in the background", () => {
  test("is a view when it is first shown, and only then", async () => {
    const page = new Page({ hidden: true });
    page.push("/moved");
    await pass(60_000);
    expect(page.server.requests).toHaveLength(0);
    page.turn("visible");
    await pass(200);
    expect(page.events.map((event) => [event.url, event.timestamp])).toEqual([
      [`${HOME}moved`, START + 60_000],
    ]);
    page.turn("hidden");
    page.turn("visible");
    await pass(1000);
    expect(page.server.names()).toEqual(["/moved"]);
  });

  test("is one as well where the browser calls it hidden though it has the focus", async () => {
    const page = new Page({ hidden: true, focused: true });
    await pass(0);
    page.push("/moved");
    await pass(0);
    expect(page.server.names()).toEqual(["/", "/moved"]);
  });

  test("is one once it has the focus, should the browser never call it visible", async () => {
    let focused = false;
    const page = new Page({ hidden: true });
    page.document.hasFocus = () => focused;
    await pass(1000);
    expect(page.server.requests).toHaveLength(0);
    focused = true;
    page.fire("focus");
    await pass(0);
    expect(page.server.names()).toEqual(["/"]);
  });

  test("that is never shown has no view, and loses nothing that it was told to count", async () => {
    const page = new Page({ hidden: true });
    const names = Array.from({ length: 37 }, (_, n) => `e${n}`);
    for (const name of names) page.weir.track(name);
    page.leave();
    await pass(1000);
    expect(page.server.names()).toEqual(names);
  });

  test("that is never shown leaves to the tab's next page what was not answered", async () => {
    const session = emptyShelf();
    const page = new Page({
      session,
      hidden: true,
      fetch: () => new Promise(() => {}),
      sendBeacon: () => false,
    });
    page.weir.track("told");
    page.leave();
    const next = new Page({ session });
    await pass(1000);
    expect(next.server.names().sort()).toEqual(["/", "told"]);
  });

  test("that nobody has told anything writes nothing and sends nothing", async () => {
    const [local, session] = [emptyShelf(), emptyShelf()];
    const page = new Page({ local, session, hidden: true });
    page.push("/moved");
    page.leave();
    await pass(100_000);
    expect([page.server.requests, Object.keys(local), Object.keys(session)]).toEqual([[], [], []]);
  });
});

describe("where the browser has the Navigation API", () => {
  const navigation = "navigation = new EventTarget()";

  test("that one listener is the hook, and the page's history stays its own", async () => {
    const page = new Page({ before: `${navigation}; original = history.pushState` });
    expect(page.run("history.pushState === original")).toBe(true);
    for (const path of ["/a", "/a", "/a?x=1", "/b"]) {
      page.run("navigation.dispatchEvent(new Event('navigate'))");
      page.push(path);
      page.run("navigation.dispatchEvent(new Event('currententrychange'))");
    }
    await pass(200);
    expect(page.server.names()).toEqual(["/", "/a", "/b"]);
  });

  describe("the first view is made a task later, and is not missed", () => {
    const works: [string, (page: Page) => void, string[]][] = [
      ["if nothing happens", () => {}, ["/"]],
      ["if an event comes before it", (page) => page.weir.track("first"), ["/", "first"]],
      ["if the page asks for another", (page) => page.weir.page(), ["/", "/"]],
      ["if the page is left before it", (page) => page.leave(), ["/"]],
      ["if the page is hidden before it", (page) => page.turn("hidden"), ["/"]],
      ["if everything is to be sent at once", (page) => page.weir.flush(), ["/"]],
    ];
    test.each(works)("%s", async (_name, work, sent) => {
      const page = new Page({ before: navigation, wasVisible: true });
      expect(page.server.requests).toHaveLength(0);
      work(page);
      await pass(200);
      expect(page.server.names()).toEqual(sent);
    });

    test("and follows whatever the page had called before", async () => {
      const page = new Page({ before: navigation, early: { q: [["track", "early"]] } });
      await pass(200);
      expect(page.server.names()).toEqual(["/", "early"]);
    });

    test("and is none where the site wants none", async () => {
      const page = new Page({ before: navigation, tag: { "data-auto": "false" } });
      page.weir.track("only");
      await pass(200);
      expect(page.server.names()).toEqual(["only"]);
    });
  });
});

test("a driven browser says so", async () => {
  const driven = new Page({ navigator: { webdriver: true } });
  const own = new Page({ navigator: { webdriver: false } });
  await pass(200);
  expect(driven.events[0].webdriver).toBe(true);
  expect(own.events[0]).not.toHaveProperty("webdriver");
});

describe("calls made before the script was there", () => {
  test("are made when it is", async () => {
    const early = { q: [["track", "early", { a: 1 }], ["page"]] };
    const page = new Page({ early, tag: { "data-auto": "false" } });
    await pass(200);
    expect(page.events.map((event) => [event.type, event.name])).toEqual([
      ["event", "early"],
      ["pageview", undefined],
    ]);
  });

  test("and pushes made later work at once", async () => {
    const page = new Page({ tag: { "data-auto": "false" } });
    page.weir.q.push(["track", "late"]);
    await pass(200);
    expect(page.server.names()).toEqual(["late"]);
  });
});

test("the tag twice counts once", async () => {
  const first = new Page();
  const second = new Page({ early: first.weir, server: first.server });
  second.push("/a");
  await pass(200);
  expect(first.events).toHaveLength(1);
});
