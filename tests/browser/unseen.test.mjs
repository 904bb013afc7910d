// Pages that are loaded before anybody sees them, in a browser that nobody drives.
import assert from "node:assert/strict";
import { afterEach, beforeEach, suite, test } from "node:test";
import { notInFirefox, undriven, whyNoBrowser } from "./browser.mjs";
import { fakeIngest } from "./fake-ingest.mjs";
import { eventually } from "./loopback.mjs";
import { website } from "./website.mjs";

/** Asks the site for a page when `condition` holds, so that the test hears of it. */
const tell = (path, condition) => `<script>{
  const ask = setInterval(() => {
    if (!(${condition})) return;
    clearInterval(ask);
    fetch("${path}");
  }, 50);
}</script>`;

/** Runs code as soon as the site answers an address with yes. */
const when = (path, code) => `<script>{
  const ask = setInterval(async () => {
    if ((await (await fetch("${path}")).text()) !== "yes") return;
    clearInterval(ask);
    ${code};
  }, 100);
}</script>`;

suite("a page that nobody has seen", { skip: whyNoBrowser }, () => {
  let ingest;
  let site;
  let browser;
  beforeEach(async () => {
    ingest = await fakeIngest();
    site = await website(ingest.origin);
  });
  afterEach(async () => {
    await browser.close();
    await site.close();
    await ingest.close();
  });

  const asked = (path) =>
    eventually(
      path,
      () => site.requests.map(({ url }) => url),
      (urls) => urls.includes(path),
    );
  const counted = (...words) =>
    eventually(
      `${words}`,
      () => ingest.words(),
      (seen) => seen.length >= words.length,
    ).then((seen) => assert.deepEqual(seen.sort(), words.sort()));

  const skip = notInFirefox("it prerenders no page");
  test("because it was prerendered is counted when it is shown, once", { skip }, async () => {
    const rules = `<script type="speculationrules">{"prerender":[{"urls":["/next"],"eagerness":"immediate"}]}</script>`;
    site.body = `${tell("/tracker-runs-unseen", "document.prerendering && window.weir.track")}
      ${tell("/shown", "performance.getEntriesByType('navigation')[0].activationStart > 0 && window.weir.track")}
      ${when("/may-leave", "if (location.pathname === '/') location.href = '/next'")}`;
    site.head = rules;
    site.answers = { "/may-leave": "no" };
    browser = await undriven(`${site.origin}/`);
    await asked("/tracker-runs-unseen");
    await counted("/");
    const shown = Date.now();
    site.answers = { "/may-leave": "yes" };
    await asked("/shown");
    await counted("/", "/next");
    const view = [...ingest.counted.values()].find(
      ({ url, type }) => url.endsWith("/next") && type === "pageview",
    );
    assert.ok(view.timestamp >= shown, "counted when it was shown");
  });

  test("because it was opened in the background is counted when its tab comes to the front, and what it says of itself before", async () => {
    const isNext = "location.pathname === '/next' && document.visibilityState === 'hidden'";
    site.body = `${tell("/tracker-runs-unseen", `${isNext} && window.weir.track`)}
      ${when("/may-close", "if (location.pathname === '/cover') close()")}
      <script>
        if (location.pathname === "/next") weir.q.push(["track", "told"]);
        if (location.pathname === "/") {
          addEventListener("load", () => open("/cover"));
          document.addEventListener("visibilitychange", () => { location.href = "/next"; });
        }
      </script>`;
    site.answers = { "/may-close": "no" };
    browser = await undriven(`${site.origin}/`);
    await asked("/tracker-runs-unseen");
    await counted("/", "/cover", "told");
    const shown = Date.now();
    site.answers = { "/may-close": "yes" };
    await counted("/", "/cover", "told", "/next");
    const view = [...ingest.counted.values()].find(
      ({ url, type }) => url.endsWith("/next") && type === "pageview",
    );
    assert.ok(view.timestamp >= shown, "counted when it was shown");
  });
});
