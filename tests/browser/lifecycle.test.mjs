// Pages that are loaded, shown, moved through, left, restored and lost, in a real browser.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { launch, notInFirefox, whyNoBrowser } from "./browser.mjs";
import { fakeIngest } from "./fake-ingest.mjs";
import { eventually } from "./loopback.mjs";
import { Stage } from "./stage.mjs";
import { comeByLink, goBackByCache } from "./website.mjs";

suite("the life of a page", { skip: whyNoBrowser }, () => {
  let browser;
  let stage;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    stage = await Stage.set(browser);
  });
  afterEach(() => stage.end());

  const kept = () =>
    stage.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("weir:")).length);
  const many = (count, name = "e") =>
    stage.evaluate(
      ([count, name]) => {
        for (let n = 0; n < count; n++) window.weir.track(`${name}${n}`);
      },
      [count, name],
    );

  suite("moving without a load", () => {
    /** What the page's script does, and the views that it makes after the first. */
    function checkMoves(name, moves, views) {
      test(name, async () => {
        await stage.open({});
        await stage.evaluate(moves);
        assert.deepEqual(await stage.counted(), ["/", ...views]);
      });
    }

    checkMoves("pushState is a view", () => history.pushState({}, "", "/a"), ["/a"]);
    checkMoves("replaceState with another path is a view", () => history.replaceState({}, "", "/a"), ["/a"]);
    checkMoves("the same address twice is one view", () => {
      history.pushState({}, "", "/a");
      history.pushState({}, "", "/a");
      history.replaceState({ n: 1 }, "", "/a");
    }, ["/a"]);
    checkMoves("another query or fragment is no view", () => {
      history.pushState({}, "", "/?page=2");
      history.pushState({}, "", "/#part");
      location.hash = "other";
    }, []);
    checkMoves("a router that first pushes and then replaces with the same path makes one view", () => {
      history.pushState({}, "", "/a");
      history.replaceState({ key: "x" }, "", "/a?tab=1");
    }, ["/a"]);
    checkMoves("navigate() that the page answers itself is a view", async () => {
      window.navigation.addEventListener("navigate", (event) => event.intercept({ handler: async () => {} }));
      await window.navigation.navigate("/a").finished;
    }, ["/a"]);

    test("back and forward are views, and the referrer came with the first only", async () => {
      const story = await comeByLink(stage.page, stage.site);
      await stage.evaluate(() => history.pushState({}, "", "/a"));
      await stage.page.goBack();
      await stage.page.goForward();
      assert.deepEqual(await stage.counted(), ["/", "/a", "/", "/a"]);
      const referrers = stage.events
        .filter(({ type }) => type === "pageview")
        .map(({ referrer }) => referrer);
      assert.deepEqual(referrers, [story, ...Array(3).fill(stage.site.origin)]);
    });

    test("where there is no Navigation API the history's functions tell", async () => {
      await stage.context.addInitScript(() => {
        Object.defineProperty(window, "navigation", { value: undefined });
      });
      await stage.open({});
      await stage.evaluate(() => {
        history.pushState({}, "", "/a");
        history.pushState({}, "", "/a");
        history.replaceState({}, "", "/b");
      });
      await stage.page.goBack();
      assert.deepEqual(await stage.counted(), ["/", "/a", "/b", "/a"]);
    });
  });

  suite("a page that nobody has seen", () => {
    /** The driver keeps every tab in front: the page is told that it is not. */
    const inBackground = (hasFocus = false) =>
      stage.context.addInitScript((hasFocus) => {
        let isHidden = true;
        Object.defineProperty(document, "hidden", { get: () => isHidden });
        document.hasFocus = () => hasFocus;
        performance.getEntriesByName = () => [];
        window.show = () => {
          isHidden = false;
          document.dispatchEvent(new Event("visibilitychange"));
        };
      }, hasFocus);

    test("because it was opened in the background is counted when it is first shown", async () => {
      await inBackground();
      await stage.open({});
      await stage.evaluate(() => window.weir.flush());
      assert.equal(stage.ingest.deliveries.length, 0);
      await stage.evaluate(() => window.show());
      assert.deepEqual(await stage.counted(), ["/"]);
    });

    test("is counted all the same where the browser calls it hidden and gives it the focus", async () => {
      await inBackground(true);
      await stage.open({});
      assert.deepEqual(await stage.counted(), ["/"]);
    });

    test("and never will loses nothing of what it was told to count", async () => {
      await inBackground();
      await stage.open({});
      await many(37);
      await stage.page.close({ runBeforeUnload: true });
      await eventually(
        "every event, and no view",
        () => stage.ingest.words(),
        (seen) => seen.length >= 37,
      );
      const names = Array.from({ length: 37 }, (_, n) => `e${n}`);
      assert.deepEqual(stage.ingest.words().sort(), names.sort());
    });

    test("and never will leaves nothing behind where it was told of nothing", async () => {
      await inBackground();
      await stage.open({});
      const keys = await stage.evaluate(() => Object.keys(localStorage).concat(Object.keys(sessionStorage)));
      assert.deepEqual(keys, []);
      await stage.page.close({ runBeforeUnload: true });
      assert.equal(stage.ingest.deliveries.length, 0);
    });
  });

  suite("leaving", () => {
    test("while a request has no answer yet loses nothing and doubles nothing", async () => {
      await stage.open({ path: "/a", tag: { "data-auto": "false" } });
      stage.ingest.script = ["silence"];
      await stage.track("under way");
      await eventually(
        "under way",
        () => stage.ingest.deliveries.length,
        (n) => n === 1,
      );
      await stage.track("waiting");
      await stage.page.goto(`${stage.site.origin}/b`);
      assert.deepEqual(await stage.counted(), ["under way", "waiting"]);
    });

    test("while a retry waits loses nothing", async () => {
      await stage.open({ path: "/a", tag: { "data-auto": "false" } });
      stage.ingest.script = [{ status: 500 }];
      await stage.track("refused once");
      await eventually(
        "refused",
        () => stage.ingest.deliveries.length,
        (n) => n === 1,
      );
      await stage.page.goto(`${stage.site.origin}/b`);
      assert.deepEqual(await stage.counted(), ["refused once"]);
    });

    test("again and again, at once, loses nothing", async () => {
      await stage.open({ path: "/p0" });
      for (let n = 1; n < 12; n++) {
        await stage.track(`e${n}`);
        await stage.page.goto(`${stage.site.origin}/p${n}`, { waitUntil: "commit" });
        await stage.page.waitForFunction(() => window.weir.track);
      }
      const expected = Array.from({ length: 12 }, (_, n) => (n ? [`e${n}`, `/p${n}`] : ["/p0"])).flat();
      await eventually(
        "counted",
        () => stage.counted(),
        (seen) => expected.every((word) => seen.includes(word)),
      );
      assert.deepEqual((await stage.counted()).sort(), expected.sort());
    });

    test("tells how long somebody looked, and before a view how long at the last page", async () => {
      // Stands still but for what is asked for: the machine's own slowness is not looked at.
      await stage.page.clock.install({ time: "2026-01-01T12:00:00Z" });
      await stage.page.clock.pauseAt("2026-01-01T12:00:01Z");
      await stage.open({ path: "/a" });
      await stage.page.clock.runFor(5000);
      await stage.evaluate(() => history.pushState({}, "", "/b"));
      await stage.page.clock.runFor(3000);
      await stage.page.goto(`${stage.site.origin}/c`);
      await stage.page.clock.runFor(1000);
      const times = await eventually(
        "told",
        () => stage.events.filter(({ type }) => type === "engagement"),
        (seen) => seen.length >= 2,
      );
      const told = times.map(({ url, engaged }) => [new URL(url).pathname, Math.round(engaged / 1000)]);
      assert.deepEqual(told.slice(0, 2), [
        ["/a", 5],
        ["/b", 3],
      ]);
    });

    test("and being brought back from the cache is a view, and its tracker goes on", async () => {
      await stage.open({ path: "/a", tag: { "data-capture": "all" }, body: "<button id=x>X</button>" });
      await stage.page.goto(`${stage.site.origin}/b`);
      await stage.page.waitForFunction(() => window.weir.track);
      await goBackByCache(stage.page);
      await stage.page.waitForFunction(() => window.cameBack);
      await stage.press("#x");
      const words = await stage.counted();
      assert.deepEqual(words, ["/a", "/b", "/a", "click"]);
    });
  });

  suite("a crash", () => {
    const skip = notInFirefox("only Chromium's driver can make a page crash");
    test("takes what was in memory only: what the device held arrives, once", { skip }, async () => {
      await stage.open({});
      await stage.context.setOffline(true);
      await many(12, "kept");
      await stage.evaluate(() => window.weir.flush());
      await eventually("stored", kept, (n) => n >= 12);
      const crashed = stage.page.waitForEvent("crash");
      const devtools = await stage.context.newCDPSession(stage.page);
      devtools.send("Page.crash").catch(() => {});
      await crashed;
      await stage.page.close();
      await stage.context.setOffline(false);
      stage.page = await stage.context.newPage();
      await stage.open({ path: "/after" });
      const expected = ["/", "/after", ...Array.from({ length: 12 }, (_, n) => `kept${n}`)].sort();
      await eventually(
        "counted",
        () => stage.counted(),
        (seen) => seen.length >= expected.length,
      );
      assert.deepEqual((await stage.counted()).sort(), expected);
    });
  });

  suite("offline for long", () => {
    test("the device keeps a hundred, the newest, and the rest is told of", async () => {
      await stage.open({});
      await stage.counted();
      await stage.context.setOffline(true);
      await many(130);
      await stage.evaluate(() => window.weir.flush());
      await eventually("full", kept, (n) => n === 100);
      await stage.context.setOffline(false);
      const expected = ["/", ...Array.from({ length: 100 }, (_, n) => `e${n + 30}`)].sort();
      await eventually(
        "counted",
        () => stage.counts.length,
        (n) => n >= 100,
      );
      assert.deepEqual((await stage.counted()).sort(), expected);
      assert.equal(
        stage.ingest.deliveries.reduce((sum, { body }) => sum + (body.lost ?? 0), 0),
        30,
      );
    });

    test("two tabs that come back together send nothing twice that counts twice", async () => {
      await stage.open({ path: "/one" });
      const other = await stage.context.newPage();
      await other.goto(`${stage.site.origin}/two`);
      await other.waitForFunction(() => window.weir.track);
      await stage.context.setOffline(true);
      await many(15, "one");
      await other.evaluate(() => {
        for (let n = 0; n < 15; n++) window.weir.track(`two${n}`);
      });
      await eventually("stored", kept, (n) => n >= 30);
      await stage.context.setOffline(false);
      await eventually("all gone", kept, (n) => n === 0);
      const names = (await stage.counted()).filter((word) => /^(one|two)/.test(word));
      assert.equal(new Set(names).size, 30);
      assert.equal(names.length, 30);
    });
  });

  suite("the visitor's word", () => {
    test("opting out is the end of it, also in the next tab; opting in begins anew", async () => {
      await stage.open({});
      await stage.counted();
      await stage.evaluate(() => {
        window.weir.track("waits");
        window.weir.optOut();
        window.weir.track("after");
      });
      const next = await stage.context.newPage();
      await next.goto(`${stage.site.origin}/next`);
      await next.waitForFunction(() => window.weir.track);
      assert.equal(await next.evaluate(() => window.weir.status()), "opt-out");
      await stage.evaluate(() => window.weir.optIn());
      assert.deepEqual(await stage.counted(), ["/"]);
      assert.equal(await stage.evaluate(() => window.weir.status()), "counted");
    });

    test("a site that waits for consent stores and sends nothing before", async () => {
      await stage.open({
        tag: { "data-consent": "", "data-capture": "all" },
        body: "<button id=x>X</button>",
      });
      await stage.page.click("#x");
      await stage.evaluate(() => {
        history.pushState({}, "", "/a");
        window.weir.flush();
      });
      assert.equal(await stage.evaluate(() => window.weir.status()), "consent");
      const keys = await stage.evaluate(() => Object.keys(localStorage).concat(Object.keys(sessionStorage)));
      assert.deepEqual([keys, stage.ingest.deliveries.length], [[], 0]);
      await stage.evaluate(() => window.weir.optIn());
      assert.deepEqual(await stage.counted(), ["/", "click", "/a"]);
    });
  });

  test("a hook before sending changes and drops events", async () => {
    const head = `<script>function scrub(event) {
      return event.name === "secret" ? undefined : Object.assign(event, { url: event.url + "scrubbed" });
    }</script>`;
    await stage.open({ head, tag: { "data-before-send": "scrub" } });
    await stage.track("secret");
    assert.deepEqual(await stage.counted(), ["/scrubbed"]);
  });

  test("two trackers on one page tell their own servers", async () => {
    const other = await fakeIngest();
    const head = `<script defer src="${other.origin}/y/api/v1/weir.js" data-name="second"></script>`;
    await stage.open({ head });
    await stage.evaluate(() => {
      window.second.track("for the second");
      history.pushState({}, "", "/a");
      window.second.flush();
    });
    assert.deepEqual(await stage.counted(), ["/", "/a"]);
    await eventually(
      "the second",
      () => other.words().length,
      (n) => n >= 3,
    );
    assert.deepEqual(other.words(), ["/", "for the second", "/a"]);
    await other.close();
  });

  test("an event tells nothing of the browser that was not asked for", async () => {
    await stage.open({ tag: { "data-with": "screen" } });
    await stage.evaluate(() => history.pushState({}, "", "/a"));
    await stage.counted();
    const members = new Set(stage.counts.flatMap((event) => Object.keys(event)));
    assert.deepEqual([...members].sort(), ["id", "name", "props", "referrer", "timestamp", "type", "url"]);
    assert.deepEqual(stage.events[0].props, { screen: "large" });
  });

  test("a driven browser says so", async () => {
    await stage.context.addInitScript(() => {
      Object.defineProperty(navigator, "webdriver", { get: () => true });
    });
    await stage.open({});
    await stage.counted();
    assert.ok(stage.events.every(({ webdriver }) => webdriver === true));
  });
});
