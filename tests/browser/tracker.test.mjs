// The tracker in a real browser, against an ingest server that misbehaves on demand.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { launch, visitor, whyNoBrowser } from "./browser.mjs";
import { fakeIngest, SCRIPTS } from "./fake-ingest.mjs";
import { eventually } from "./loopback.mjs";
import { comeByLink, goBackByCache, website } from "./website.mjs";

for (const script of Object.keys(SCRIPTS))
  suite(`delivery by ${script}`, { skip: whyNoBrowser }, () => {
    let browser;
    let ingest;
    let site;
    let context;
    let page;
    let troubles;

    before(async () => {
      browser = await launch();
    });
    after(() => browser.close());
    beforeEach(async () => {
      ingest = await fakeIngest();
      site = await website(ingest.origin);
      site.script = script;
      context = await visitor(browser);
      page = await context.newPage();
      troubles = [];
      page.on("pageerror", (error) => troubles.push(`${error}`));
      page.on("console", (message) => {
        if (message.text().startsWith("weir")) troubles.push(message.text());
      });
    });
    afterEach(async () => {
      await context.close();
      await site.close();
      await ingest.close();
      assert.deepEqual(troubles, []);
      assert.equal(ingest.preflights, 0);
    });

    const counted = (...words) =>
      eventually(
        `counted ${words}`,
        () => ingest.words().sort(),
        (seen) => seen.length >= words.length,
      ).then((seen) => assert.deepEqual(seen, words.sort()));

    const push = (path) => page.evaluate((to) => history.pushState({}, "", to), path);
    const flush = () => page.evaluate(() => window.weir.flush());
    const track = (...args) => page.evaluate((given) => window.weir.track(...given), args);

    /** As a person does: with all that a page may do in its last moment. */
    const closeTab = () => Promise.all([page.waitForEvent("close"), page.close({ runBeforeUnload: true })]);

    test("load, pushState, back and custom events are counted once each", async () => {
      const story = await comeByLink(page, site);
      await push("/pricing");
      await push("/pricing");
      await page.goBack();
      await page.goBack();
      await track("signup", { plan: "gold" });
      await counted("/", "/", "/pricing", "signup");
      const { headers, body } = ingest.deliveries[0];
      assert.equal(headers.origin, site.origin);
      assert.match(headers["content-type"], /^text\/plain/);
      assert.equal(headers.cookie, undefined);
      assert.ok(Math.abs(body.sentAt - Date.now()) < 60_000);
      assert.equal(body.events[0].referrer, story);
      assert.equal(body.events[0].webdriver, undefined);
    });

    test("a page that moves on as soon as it is there has both views", async () => {
      site.body = `<script>
        addEventListener("DOMContentLoaded", () => history.pushState({}, "", "/moved"));
      </script>`;
      await page.goto(`${site.origin}/`);
      await counted("/", "/moved");
    });

    test("a burst is one request for each ten events", async () => {
      site.tag = { "data-auto": "false" };
      await page.goto(`${site.origin}/`);
      await page.evaluate(() => {
        for (let n = 0; n < 30; n++) window.weir.track(`e${n}`);
      });
      await counted(...Array.from({ length: 30 }, (_, n) => `e${n}`));
      assert.deepEqual(
        ingest.deliveries.map((delivery) => delivery.body.events.length),
        [10, 10, 10],
      );
      const ids = ingest.deliveries.flatMap((delivery) => delivery.body.events.map((event) => event.id));
      assert.equal(new Set(ids).size, 30);
    });

    test("503 with Retry-After: nothing before that, then everything", async () => {
      ingest.script = [
        { status: 503, headers: { "Retry-After": "2" }, body: { error: "full", retryAfter: 2 } },
      ];
      await page.goto(`${site.origin}/`);
      await eventually(
        "refused",
        () => ingest.deliveries.length,
        (n) => n === 1,
      );
      await track("during");
      await counted("/", "during");
      assert.ok(ingest.deliveries[1].at - ingest.deliveries[0].at >= 2000);
    });

    test("an answer that is lost: sent again under the same ids, counted once", async () => {
      ingest.script = ["cut", "cut"];
      await page.goto(`${site.origin}/`);
      await eventually(
        "third try",
        () => ingest.deliveries.length,
        (n) => n === 3,
      );
      await counted("/");
    });

    test("offline and back: nothing is lost, nothing is double", async () => {
      await page.goto(`${site.origin}/`);
      await counted("/");
      await context.setOffline(true);
      await push("/a");
      for (let n = 0; n < 25; n++) await track(`e${n}`);
      await eventually(
        "stored",
        () => page.evaluate(() => Object.keys(localStorage).length),
        (n) => n >= 26,
      );
      await context.setOffline(false);
      await counted("/", "/a", ...Array.from({ length: 25 }, (_, n) => `e${n}`));
      await eventually(
        "forgotten",
        () => page.evaluate(() => Object.keys(localStorage).length),
        (n) => n === 0,
      );
    });

    test("what was tracked offline survives the tab", async () => {
      await page.goto(`${site.origin}/`);
      await counted("/");
      await context.setOffline(true);
      await track("kept");
      await closeTab();
      await context.setOffline(false);
      const next = await context.newPage();
      await next.goto(`${site.origin}/next`);
      await counted("/", "/next", "kept");
    });

    test("a tab that is closed at once still tells", async () => {
      await page.goto(`${site.origin}/`);
      await counted("/");
      await track("bye");
      await closeTab();
      await counted("/", "bye");
    });

    test("a page that is left at once still tells, and its copy is counted once", async () => {
      // However late the page is left: nobody has heard that its events were taken.
      ingest.script = ["cut"];
      await page.goto(`${site.origin}/a`);
      await track("clicked");
      await page.goto(`${site.origin}/b`);
      await counted("/a", "/b", "clicked");
      await eventually(
        "the copy acknowledged",
        () => page.evaluate(() => Object.keys(sessionStorage).length),
        (n) => n === 0,
      );
      const sent = ingest.deliveries.flatMap((delivery) => delivery.body.events).length;
      assert.ok(sent > ingest.counted.size, "the copy was sent as well");
    });

    test("a beacon that is lost is made good by the tab's next page", async () => {
      site.tag = { "data-auto": "false" };
      await page.goto(`${site.origin}/a`);
      // Taken by nobody: as if it was lost on its way.
      ingest.script = [{ status: 500 }];
      await track("clicked");
      await page.goto(`${site.origin}/b`);
      await counted("clicked");
      assert.equal(ingest.deliveries.length, 2);
    });

    test("a device without room: events wait in memory", async () => {
      await page.goto(`${site.origin}/`);
      await counted("/");
      await page.evaluate(() => {
        let piece = "x".repeat(1024 * 1024);
        for (let n = 0; piece; n++) {
          try {
            localStorage.setItem(`filler${n}`, piece);
          } catch {
            piece = piece.slice(piece.length / 2 + 0.5);
          }
        }
      });
      await context.setOffline(true);
      await track("a");
      await track("b");
      await flush();
      await context.setOffline(false);
      await counted("/", "a", "b");
    });

    test("a device that is blocked: events are counted as ever", async () => {
      site.headers = { "Content-Security-Policy": "sandbox allow-scripts" };
      await page.goto(`${site.origin}/`);
      const blocked = await page.evaluate(() => {
        try {
          return !window.localStorage;
        } catch (error) {
          return error.name;
        }
      });
      assert.equal(blocked, "SecurityError");
      ingest.script = ["cut"];
      await track("a");
      await counted("/", "a");
    });

    test("a page from the back/forward cache is a view", async () => {
      await page.goto(`${site.origin}/a`);
      await counted("/a");
      await page.goto(`${site.origin}/b`);
      await counted("/a", "/b");
      await goBackByCache(page);
      await counted("/a", "/a", "/b");
      assert.equal(
        await page.evaluate(() => window.cameBack),
        true,
        "the browser brought it back from its cache",
      );
      await track("still alive");
      await counted("/a", "/a", "/b", "still alive");
    });

    test("storage none leaves the device empty", async () => {
      site.tag = { "data-storage": "none" };
      await page.goto(`${site.origin}/`);
      await counted("/");
      await context.setOffline(true);
      await track("a");
      await flush();
      const kept = await page.evaluate(() => localStorage.length + sessionStorage.length);
      assert.equal(kept, 0);
      await context.setOffline(false);
      await counted("/", "a");
    });

    test("a refused site is told once, on the console", async () => {
      ingest.script = Array.from({ length: 2 }, () => ({ status: 400, body: { error: "no such site" } }));
      await page.goto(`${site.origin}/`);
      for (const left of [1, 0]) {
        await eventually(
          "refused",
          () => ingest.script.length,
          (n) => n === left,
        );
        await push(`/${left}`);
      }
      await track("fine");
      await counted("/0", "fine");
      assert.deepEqual(troubles.splice(0), ["weir: 400 no such site"]);
    });

    test("two tabs share the device without losing each other's events", async () => {
      const other = await context.newPage();
      await page.goto(`${site.origin}/a`);
      await other.goto(`${site.origin}/b`);
      await counted("/a", "/b");
      await context.setOffline(true);
      for (const tab of [page, other]) {
        await tab.evaluate((name) => window.weir.track(name), tab === page ? "one" : "two");
        await tab.evaluate(() => window.weir.flush());
      }
      await context.setOffline(false);
      await counted("/a", "/b", "one", "two");
    });
  });
