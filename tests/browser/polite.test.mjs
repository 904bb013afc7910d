// Pages that are strict, odd or broken: the tracker counts them, and they do not notice.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { launch, notInFirefox, whyNoBrowser } from "./browser.mjs";
import { eventually } from "./loopback.mjs";
import { Stage, wordsOf } from "./stage.mjs";

const ALL = { "data-capture": "all", "data-text": "", "data-with": "screen language timezone" };
const BODY = `<button id=x>X</button><a id=link href="#there">L</a><form onsubmit="return false"><button id=go>Go</button></form>
<section data-weir-section=s>S</section><div style="height:3000px"></div><main data-weir-404></main>`;

/** What everything that a page can do must make of events. */
const EXPECTED = [
  "/",
  "/a",
  "404",
  "click",
  "form",
  "mine",
  "scroll 100",
  "scroll 25",
  "scroll 50",
  "scroll 75",
  "section",
];

suite("a page that is", { skip: whyNoBrowser }, () => {
  let browser;
  let stage;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    stage = await Stage.set(browser);
    // What nobody handles is trouble, and so is anything on the console.
    await stage.context.addInitScript(() => {
      addEventListener("unhandledrejection", ({ reason }) => console.log("unhandled", `${reason}`));
      addEventListener("securitypolicyviolation", ({ violatedDirective }) =>
        console.log("violated", violatedDirective),
      );
    });
  });
  afterEach(() => stage.end());

  /** Uses the page as people do. */
  async function live() {
    const { page } = stage;
    await page.click("#x");
    await page.click("#go");
    await eventually(
      "section and 404",
      () => stage.custom(),
      (seen) => ["section", "404"].every((name) => seen.some(([word]) => word === name)),
    );
    await page.evaluate(async () => {
      window.scrollTo(0, 9999);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    });
    await page.evaluate(() => window.weir.track("mine", { a: 1 }));
    await page.evaluate(() => window.weir.flush());
    await page.evaluate(() => history.pushState({}, "", "/a"));
    const words = ({ type, name, url, props }) =>
      name === "scroll" ? `scroll ${props.depth}` : (name ?? (type === "pageview" && new URL(url).pathname));
    return (await stage.counted(words)).filter(Boolean).sort();
  }

  /** The page after `init` ran before all else, or with these headers. */
  function checkPage(name, { init, headers = {}, head = "", body = BODY, without = [], skip = false }) {
    test(name, { skip }, async () => {
      if (init) await stage.context.addInitScript(init);
      await stage.open({ headers, head, body, tag: ALL });
      assert.deepEqual(
        await live(),
        EXPECTED.filter((word) => !without.includes(word)),
      );
    });
  }

  checkPage("like any other", {});

  test("under a strict policy, also for what becomes script", async () => {
    const policy = [
      "default-src 'none'",
      // Some browsers ask for the site's icon by themselves.
      "img-src 'self'",
      `script-src ${stage.ingest.origin} 'nonce-own'`,
      `connect-src ${stage.ingest.origin}`,
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ];
    // The driver looks for a style of its own, and the policy has no word for it.
    const body = BODY.replace(/ (onsubmit|style)="[^"]*"/g, "") + "<p>Text</p>".repeat(200);
    const keep = `<script nonce="own">addEventListener("submit", (event) => event.preventDefault());</script>`;
    await stage.open({
      headers: { "Content-Security-Policy": policy.join("; ") },
      head: keep,
      body,
      tag: ALL,
    });
    assert.deepEqual(await live(), EXPECTED);
  });

  checkPage("silent about where one comes from", { headers: { "Referrer-Policy": "no-referrer" } });
  checkPage("one that takes no frames, no opener and no embedder", {
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "X-Frame-Options": "DENY" },
  });
  checkPage("frozen", {
    init: () => {
      for (const type of [
        Object,
        Array,
        Function,
        String,
        Promise,
        Map,
        Set,
        History,
        EventTarget,
        Element,
        Node,
        Event,
        Storage,
      ]) {
        Object.freeze(type.prototype);
      }
    },
  });
  checkPage("extended by an old library", {
    init: () => {
      for (const name of [
        "extra",
        "once",
        "capture",
        "passive",
        "signal",
        "root",
        "rootMargin",
        "method",
        "get",
        "set",
        "auto",
        "config",
        "characterData",
        "dnt",
        "endpoint",
        "revenue",
        "interactive",
      ]) {
        Object.prototype[name] = name === "signal" ? undefined : "polluted";
      }
      Array.prototype.first = function () {
        return this[0];
      };
      Array.prototype.toJSON = () => "prototype.js";
    },
  });
  checkPage("in a browser without observers", {
    skip: notInFirefox("its driver finds them nowhere either"),
    init: () => {
      const observers = ["IntersectionObserver", "MutationObserver"].map((name) => [name, window[name]]);
      for (const [name] of observers) delete window[name];
      const giveBack = () => {
        Object.assign(window, Object.fromEntries(observers));
        // Nothing can tell what is in sight. The page says so itself, since the test waits for it.
        window.weir.track("section");
      };
      // After the tracker, which is a deferred script and begins to capture in a task of its own. The driver needs
      // them back.
      addEventListener("DOMContentLoaded", () => setTimeout(giveBack));
    },
  });
  checkPage("in a browser without newer functions", {
    init: () => {
      delete window.requestIdleCallback;
      delete navigator.constructor.prototype.sendBeacon;
      delete window.PerformanceObserver;
      delete window.AbortController;
      delete crypto.constructor.prototype.randomUUID;
      delete Performance.prototype.getEntriesByName;
      Object.defineProperty(window, "navigation", { value: undefined });
    },
  });
  checkPage("one whose clock is set back while it is open", {
    init: () => {
      const { now } = Date;
      const began = performance.now();
      Date.now = () => now() - (performance.now() - began > 300 ? 3_600_000 : 0);
    },
  });
  checkPage("on a device without storage", {
    init: () => {
      for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, {
          get() {
            throw new DOMException("blocked", "SecurityError");
          },
        });
      }
    },
  });
  checkPage("on a device whose storage is null", {
    init: () => {
      for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, name, { value: null });
    },
  });
  checkPage("on a device that is full", {
    init: () => {
      Storage.prototype.setItem = () => {
        throw new DOMException("full", "QuotaExceededError");
      };
      for (const name of ["localStorage", "sessionStorage"]) {
        const full = new Proxy(
          {},
          {
            set: () => {
              throw new DOMException("full", "QuotaExceededError");
            },
          },
        );
        Object.defineProperty(window, name, { value: full });
      }
    },
  });

  test("in a sandboxed frame, which has neither origin nor storage", async () => {
    const inner = `${stage.site.origin}/framed`;
    stage.site.body = `<script>if (parent === window) document.write('<iframe sandbox="allow-scripts" src="${inner}"></iframe>');</script>`;
    await stage.page.goto(`${stage.site.origin}/`);
    await eventually(
      "both",
      () => stage.ingest.words(),
      (words) => words.length >= 2,
    );
    assert.deepEqual(stage.ingest.words().sort(), ["/", "/framed"]);
    const origins = new Set(stage.ingest.deliveries.map(({ headers }) => headers.origin));
    assert.deepEqual([...origins].sort(), [stage.site.origin, "null"].sort());
  });

  test("not secure, over plain http", async () => {
    const { port } = new URL(stage.site.origin);
    await stage.open({ body: BODY, tag: ALL, origin: `http://shop.test:${port}` });
    assert.equal(await stage.evaluate(() => isSecureContext), false);
    assert.deepEqual(await live(), EXPECTED);
  });

  for (const file of ["weir.mjs", "core.mjs"]) {
    test(`counted by a program that has ${file} built in`, async () => {
      const { origin } = stage.ingest;
      const own = `<script type="module">
        import { init, weir } from "${origin}/dist/${file}";
        window.mine = init({ endpoint: "${origin}/x/api/v1/events", hash: true });
        window.same = window.mine === weir && init({ endpoint: "https://other.example/" }) === weir;
      </script>`;
      await stage.page.route("**/y/api/v1/weir.js", (route) => route.fulfill({ body: "" }));
      stage.site.body = own;
      await stage.page.goto(`${stage.site.origin}/#/a`);
      await stage.page.waitForFunction(() => window.mine);
      await stage.evaluate(() => {
        history.pushState({}, "", "#/b");
        window.mine.track("e", { n: 1 });
        window.mine.flush();
      });
      await eventually(
        "counted",
        () => stage.counts.length,
        (n) => n === 3,
      );
      assert.deepEqual(stage.counts.map(wordsOf), ["/#/a", "/#/b", "e"]);
      assert.equal(await stage.evaluate(() => window.same), true);
      assert.equal(await stage.evaluate(() => "track" in window.weir), false);
    });
  }

  test("no web page is not counted, and says nothing", async () => {
    const inner = `<script src='${stage.ingest.origin}/y/api/v1/weir.js'></script>`;
    await stage.open({ body: `<iframe srcdoc="${inner}"></iframe>` });
    await stage.page.waitForLoadState();
    assert.deepEqual(await stage.counted(), ["/"]);
  });

  test("looked into has no element of the tracker's", async () => {
    await stage.open({ body: BODY, tag: ALL });
    const before = await stage.evaluate(() => document.documentElement.outerHTML);
    await live();
    assert.equal(await stage.evaluate(() => document.documentElement.outerHTML), before);
  });

  const skip = notInFirefox("it measures no shifts");
  test("measured does not move", { skip }, async () => {
    await stage.context.addInitScript(() => {
      window.shifts = 0;
      new PerformanceObserver((list) => {
        for (const { value } of list.getEntries()) window.shifts += value;
      }).observe({ type: "layout-shift", buffered: true });
    });
    await stage.open({ body: BODY, tag: ALL });
    await live();
    assert.equal(await stage.evaluate(() => window.shifts), 0);
  });
});
