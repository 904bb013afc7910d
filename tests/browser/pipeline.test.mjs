// A visit travels from a real browser through the real server to the figures that a dashboard reads.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { launch, notInFirefox, PHONE, visitor, whyNoBrowser } from "./browser.mjs";
import { eventually } from "./loopback.mjs";
import { website } from "./website.mjs";
import { Weir, whyNoServer } from "./weir.mjs";

suite("from the browser to the figures", { skip: whyNoServer || whyNoBrowser }, () => {
  let browser;
  let weir;
  let site;
  let context;
  let page;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    weir = await Weir.start((starting) => starting.addSite("localhost"));
    site = await website(weir.origin);
    context = await visitor(browser);
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    await site.close();
    await weir.remove();
  });

  const track = (...args) => page.evaluate((given) => window.weir.track(...given), args);
  const push = (path) => page.evaluate((to) => history.pushState({}, "", to), path);
  const closeTab = () => Promise.all([page.waitForEvent("close"), page.close({ runBeforeUnload: true })]);

  /** Waits for so many page views and custom events, then looks once more: nothing may come on top. */
  async function counted({ views, custom }) {
    const read = async () => ({
      views: await weir.by("event:page", "pageviews"),
      custom: withoutViews(await weir.by("event:name", "events")),
    });
    const total = (counts) => Object.values(counts).reduce((sum, n) => sum + n, 0);
    await eventually(
      "counted",
      read,
      (seen) => total(seen.views) >= total(views) && total(seen.custom) >= total(custom),
    );
    await weir.settled();
    assert.deepEqual(await read(), { views, custom });
  }

  const withoutViews = (counts) =>
    Object.fromEntries(Object.entries(counts).filter(([name, n]) => n > 0 && name && name !== "pageview"));

  /** A tab may send once more what was answered, up to its last moment: that is folded first. */
  async function booksAndStatisticsAreTrue() {
    await context.close();
    await weir.stop();
    await weir.up();
    await weir.settled();
    await weir.stop();
    await weir.command("verify");
    const { pending, sites } = await weir.json("ledger");
    assert.equal(pending, 0);
    for (const { days } of sites)
      for (const day of days) assert.equal(day.balanced, true, JSON.stringify(day));
  }

  test("load, pushState, back, custom events, offline and online, a closed tab", async () => {
    await page.goto(`${site.origin}/?utm_source=letter`);
    await push("/pricing");
    await push("/pricing");
    await page.goBack();
    await page.goBack();
    await track("signup", { plan: "gold" });
    await track("purchase", { sku: "A1" }, { revenue: { amount: "12.34", currency: "EUR" } });
    await context.setOffline(true);
    await push("/docs");
    await track("download");
    await page.evaluate(() => window.weir.flush());
    await context.setOffline(false);
    await counted({
      views: { "/": 2, "/pricing": 1, "/docs": 1 },
      custom: { signup: 1, purchase: 1, download: 1 },
    });
    await track("bye");
    await closeTab();
    await counted({
      views: { "/": 2, "/pricing": 1, "/docs": 1 },
      custom: { signup: 1, purchase: 1, download: 1, bye: 1 },
    });
    assert.deepEqual(await weir.figures("visitors", "visits", "pageviews", "bounce_rate"), {
      visitors: 1,
      visits: 1,
      pageviews: 4,
      bounce_rate: 0,
    });
    assert.deepEqual(await weir.by("visit:source", "visits"), { letter: 1 });
    assert.deepEqual(await weir.by("visit:entry_page", "visits"), { "/": 1 });
    assert.deepEqual(await weir.by("visit:exit_page", "visits"), { "/docs": 1 });
    await booksAndStatisticsAreTrue();
  });

  const oneName = notInFirefox("what it sends to outlive a page has its own name, whatever its driver says");
  test("two visitors, one of whom leaves at once", { skip: oneName }, async () => {
    await page.goto(`${site.origin}/a`);
    await page.goto(`${site.origin}/b`);
    const phone = await visitor(browser, { userAgent: PHONE });
    const other = await phone.newPage();
    await other.goto(`${site.origin}/a`);
    await counted({ views: { "/a": 2, "/b": 1 }, custom: {} });
    await phone.close();
    assert.deepEqual(await weir.figures("visitors", "visits", "pageviews", "bounce_rate"), {
      visitors: 2,
      visits: 2,
      pageviews: 3,
      bounce_rate: 50,
    });
    assert.deepEqual(await weir.by("visit:device", "visitors"), { Desktop: 1, Mobile: 1 });
    await booksAndStatisticsAreTrue();
  });

  const scripts = notInFirefox("its driver can't switch scripts off");
  test("a tag that was written for Plausible and moved to this host, and a page without scripts", {
    skip: scripts,
  }, async () => {
    Object.assign(site, {
      script: "../../../js/script.js",
      tag: { "data-domain": "localhost" },
      head: `<script nonce="own">
        function plausible() { (plausible.q = plausible.q || []).push(arguments); }
        plausible("Early", { props: { plan: "gold" } });
      </script>`,
    });
    await page.goto(`${site.origin}/shop`);
    await page.waitForFunction(() => window.weir.track);
    await page.evaluate(() => new Promise((callback) => window.plausible("Buy", { callback })));
    const noScripts = await visitor(browser, { javaScriptEnabled: false });
    const plain = await noScripts.newPage();
    site.answers["/plain"] = `<!doctype html><title>Plain</title><noscript><img alt=""
      src="${weir.origin}/y/api/v1/pixel.gif?url=${encodeURIComponent(`${site.origin}/plain`)}"></noscript>`;
    await plain.goto(`${site.origin}/plain`);
    await counted({ views: { "/shop": 1, "/plain": 1 }, custom: { Early: 1, Buy: 1 } });
    await noScripts.close();
    await booksAndStatisticsAreTrue();
  });

  test("a server killed in the middle and started again: figures equal what was done", async () => {
    await page.goto(`${site.origin}/`);
    for (let n = 0; n < 20; n++) await track("before");
    await weir.kill();
    await push("/while-down");
    for (let n = 0; n < 20; n++) await track("while down");
    await weir.up();
    await push("/after");
    for (let n = 0; n < 20; n++) await track("after");
    await counted({
      views: { "/": 1, "/while-down": 1, "/after": 1 },
      custom: { before: 20, "while down": 20, after: 20 },
    });
    assert.deepEqual(await weir.figures("visitors", "visits"), { visitors: 1, visits: 1 });
    await booksAndStatisticsAreTrue();
  });

  test("killed again and again under a steady stream: nothing lost, nothing double", async () => {
    await page.goto(`${site.origin}/`);
    let sent = 0;
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 15; n++, sent++) await track("step");
      await weir.kill();
      for (let n = 0; n < 5; n++, sent++) await track("step");
      await weir.up();
    }
    await track("last");
    await counted({ views: { "/": 1 }, custom: { step: sent, last: 1 } });
    await booksAndStatisticsAreTrue();
  });

  test("a tab closed while the server is down: its next page tells", async () => {
    await page.goto(`${site.origin}/`);
    await counted({ views: { "/": 1 }, custom: {} });
    await weir.kill();
    await context.setOffline(true);
    await track("unheard");
    await closeTab();
    await weir.up();
    page = await context.newPage();
    await context.setOffline(false);
    await page.goto(`${site.origin}/later`);
    await counted({ views: { "/": 1, "/later": 1 }, custom: { unheard: 1 } });
    await booksAndStatisticsAreTrue();
  });
});
