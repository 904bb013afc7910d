// A visitor of 200 pages behind a network that drops three in ten requests, and three in ten replies.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { launch, visitor, whyNoBrowser } from "./browser.mjs";
import { HostileProxy } from "./hostile-proxy.mjs";
import { eventually } from "./loopback.mjs";
import { keptBy } from "./notes.mjs";
import { website } from "./website.mjs";
import { Weir, whyNoServer } from "./weir.mjs";

const VISITS = 200;
const SEED = 1;

/** Shares of deliveries; every script arrives. A reply is lost only of a request that was not. */
const LOSSES = { pass: [49, 1], drop: [30, 0], "lose reply": [21, 0] };

suite("with three in ten requests and replies dropped", { skip: whyNoServer || whyNoBrowser }, () => {
  test(`every event of ${VISITS} page visits arrives, once`, async () => {
    const weir = await Weir.start((starting) => starting.addSite("localhost"));
    const proxy = await HostileProxy.start(SEED, weir.port, LOSSES);
    const site = await website(proxy.origin);
    const browser = await launch();
    try {
      const page = await (await visitor(browser)).newPage();
      for (let n = 0; n < VISITS; n++) {
        await page.goto(`${site.origin}/p${n}`, { waitUntil: "commit" });
        await page.waitForFunction(() => window.weir.track);
        await page.evaluate((name) => window.weir.track(name), `e${n}`);
      }
      proxy.calm();
      await page.goto(`${site.origin}/last`);
      await eventually(
        "the tracker keeps nothing any more",
        async () => [...(await keptBy(page)), ...Array(proxy.busy).fill("under way")],
        (kept) => kept.length === 0,
      );
      await page.waitForFunction(() => window.weir.track);
      await page.evaluate(() => window.weir.track("end"));
      await eventually(
        "the last one is there",
        async () => (await weir.by("event:name", "events")).end,
        (n) => n === 1,
      );
      await weir.settled();
      const views = await weir.by("event:page", "pageviews");
      const { pageview, engagement, end, ...events } = await weir.by("event:name", "events");
      const all = (prefix) => Object.fromEntries(Array.from({ length: VISITS }, (_, n) => [prefix + n, 1]));
      assert.deepEqual(views, { ...all("/p"), "/last": 1 });
      assert.deepEqual(events, all("e"));
      assert.equal(proxy.givenUp, 0, "the tracker gave nothing up");
      const { drop, "lose reply": lost } = proxy.tally();
      console.log(`${proxy.diary.length} requests, ${drop} dropped, ${lost} replies dropped`);
      assert.ok(drop > 0 && lost > 0);
    } finally {
      await browser.close();
      await site.close();
      await proxy.close();
      await weir.remove();
    }
  });
});
