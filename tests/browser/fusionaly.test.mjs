// A page that was written for Fusionaly, moved to a real server by the host in its tag.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { launch, visitor, whyNoBrowser } from "./chromium.mjs";
import { eventually } from "./loopback.mjs";
import { website } from "./website.mjs";
import { Weir, whyNoServer } from "./weir.mjs";

const MARKED = `
  <button id="buy" data-fusionaly-event-name="buy" data-fusionaly-metadata-plan="gold">Buy <b>now</b></button>
  <form id="f" data-fusionaly-event-name="contact" onsubmit="event.preventDefault()">
    <input name="message"><button id="send">Send</button>
    <button id="other" type="button" data-fusionaly-event-name="not told">Other</button></form>
  <a id="link" href="#there" data-fusionaly-event-name="prices">Prices</a>
  <div id="hero" data-fusionaly-event-name="hero seen">Seen at once</div>
  <div style="height: 300vh"></div>
  <section data-fusionaly-scroll-section="Our plans.2" data-fusionaly-scroll-threshold="50"
    data-fusionaly-scroll-metadata-place="end" style="height: 50px">Plans</section>`;

suite("a page that was written for Fusionaly", { skip: whyNoServer || whyNoBrowser }, () => {
  let browser;
  let weir;
  let site;
  let context;
  let page;
  let requests;
  let troubles;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    weir = await Weir.start((starting) => starting.addSite("localhost"));
    site = await website(weir.origin);
    Object.assign(site, { script: "sdk.js", tag: { "data-website-id": "1" } });
    context = await visitor(browser);
    page = await context.newPage();
    requests = [];
    troubles = [];
    page.on("request", (request) => {
      if (request.method() === "POST") requests.push(JSON.parse(request.postData()));
    });
    page.on("pageerror", (error) => troubles.push(`${error}`));
    page.on("console", (message) => troubles.push(message.text()));
  });
  afterEach(async () => {
    await context.close();
    await site.close();
    await weir.remove();
    assert.deepEqual(troubles, []);
  });

  const config = (members) =>
    `<script nonce="own">window.Fusionaly = { config: ${JSON.stringify(members)} }</script>`;

  async function open(path = "/") {
    await page.goto(site.origin + path);
    await page.waitForFunction(() => window.Fusionaly?.sendCustomEvent);
  }

  /** Waits for these custom events, then looks once more: nothing may come on top. */
  async function named(expected) {
    const read = async () => {
      const found = Object.entries(await weir.by("event:name", "events"));
      return Object.fromEntries(found.filter(([name, n]) => n > 0 && name && name !== "pageview"));
    };
    const names = Object.keys(expected);
    await eventually("counted", read, (seen) => names.every((name) => seen[name] >= expected[name]));
    await weir.settled();
    assert.deepEqual(await read(), expected);
  }

  test("its calls are counted, with the money", async () => {
    await open();
    await page.evaluate(() => {
      window.Fusionaly.setUser({ userId: 42 });
      window.Fusionaly.sendCustomEvent("signup", { plan: "gold", of: { a: 1 } });
      window.Fusionaly.registerPurchase(1999, "EUR", { quantity: 2 });
      history.pushState({}, "", "/pricing");
    });
    await named({ signup: 1, "revenue:purchased": 1 });
    assert.deepEqual(await weir.by("event:page", "pageviews"), { "/": 1, "/pricing": 1 });
    const sold = requests.flatMap(({ events }) => events).find(({ name }) => name === "revenue:purchased");
    assert.deepEqual(sold.revenue, { amount: "39.98", currency: "EUR" });
  });

  test("its attributes are heeded, and no click is held up", async () => {
    site.body = MARKED;
    await open();
    const told = () => JSON.stringify(requests);
    await eventually("what is in sight at first is told", told, (words) => words.includes("hero seen"));
    await page.click("#buy");
    await page.click("#send");
    await page.click("#other");
    await page.click("#link");
    assert.equal(new URL(page.url()).hash, "#there");
    await page.evaluate(() => document.querySelector("section").scrollIntoView());
    await page.evaluate(() => {
      const late = document.createElement("div");
      late.textContent = "Later";
      late.setAttribute("data-fusionaly-event-name", "late seen");
      document.body.append(late);
      late.scrollIntoView();
    });
    await named({
      buy: 1,
      contact: 1,
      prices: 1,
      "hero seen": 1,
      "scroll:section:our_plans_2": 1,
      "late seen": 1,
    });
    const sent = requests.flatMap(({ events }) => events);
    assert.deepEqual(sent.find(({ name }) => name === "buy").props, { plan: "gold" });
    const section = sent.find(({ name }) => name === "scroll:section:our_plans_2");
    assert.deepEqual([section.props, section.interactive], [{ place: "end", section: "Our plans.2" }, false]);
  });

  test("depth and sections are told once, until the page wants no more", async () => {
    site.body = `<div style="height: 400vh"></div><p id="end">End</p>`;
    await open();
    await page.evaluate(() => {
      window.Fusionaly.trackScrollDepth("0.5, 90", { metadata: { of: "page" } });
      window.Fusionaly.trackScrollDepth([60], { eventName: "never" })();
      window.Fusionaly.trackScrollSection("#end", { section: "The end" });
      window.Fusionaly.trackScrollSection("#end", { eventName: "gone" })();
    });
    for (let n = 0; n < 2; n++) {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await page.waitForFunction(() => scrollY > 0);
      await page.evaluate(() => scrollTo(0, 0));
    }
    await page.evaluate(() => document.querySelector("#end").scrollIntoView());
    await named({ "scroll:depth:50": 1, "scroll:depth:90": 1, "scroll:section:the_end": 1 });
  });

  test("one event at a time, where its configuration says so, and each of them once", async () => {
    site.head = config({ maxBatchSize: 1 });
    await open();
    await page.evaluate(() => {
      for (const name of ["a", "a", "b"]) window.Fusionaly.sendCustomEvent(name);
      window.Fusionaly.registerPurchase(500, "JPY");
    });
    // The last ones leave with the page.
    await page.evaluate(() => {
      for (const name of ["c", "d"]) window.Fusionaly.sendCustomEvent(name);
      location.href = "/next";
    });
    await page.waitForURL("**/next");
    await named({ a: 2, b: 1, c: 1, d: 1, "revenue:purchased": 1 });
    assert.equal(requests.filter(({ events }) => events).length, 0);
    for (const { eventType, userAgent, url } of requests)
      assert.deepEqual(
        [[1, 2].includes(eventType), typeof userAgent, new URL(url).origin],
        [true, "string", site.origin],
      );
    const views = () => weir.by("event:page", "pageviews");
    await eventually("the next page's view is counted", views, (seen) => seen["/next"] >= 1);
    await weir.settled();
    assert.deepEqual(await views(), { "/": 1, "/next": 1 });
  });

  test("of an event that goes alone the console is told what became of it, too", async () => {
    site.head = config({ maxBatchSize: 1 });
    await open();
    await page.evaluate(() => {
      window.weir.debug();
      window.Fusionaly.sendCustomEvent("a");
    });
    await eventually(
      "the console says that it is counted",
      () => troubles.filter((line) => line.startsWith("weir: a ")).at(-1),
      (seen) => seen?.endsWith("\u2192 Counted"),
    );
    assert.equal(requests.find(({ eventKey }) => eventKey === "a").debug, true);
    troubles = troubles.filter((line) => !line.startsWith("weir: "));
  });

  test("its configuration can switch views and the heeding of Do Not Track off", async () => {
    site.head = config({ autoSendPageViews: false, respectDoNotTrack: false, host: weir.origin });
    await page.addInitScript(() => Object.defineProperty(navigator, "doNotTrack", { get: () => "1" }));
    await open();
    await page.evaluate(() => window.Fusionaly.sendPageView());
    await eventually(
      "a view",
      () => weir.by("event:page", "pageviews"),
      (seen) => seen["/"] > 0,
    );
    await weir.settled();
    assert.deepEqual(await weir.by("event:page", "pageviews"), { "/": 1 });
  });

  test("it can ask who its visitor is", async () => {
    await open();
    const told = await page.evaluate(
      async (origin) => (await fetch(`${origin}/x/api/v1/me`)).json(),
      weir.origin,
    );
    assert.match(told.visitorId, /^[0-9a-f]{64}$/);
    assert.match(told.visitorAlias, /^[A-Z][a-z]+ [A-Z][a-z]+$/);
    assert.deepEqual([told.country, told.events], ["__unknown_country__", []]);
  });
});
