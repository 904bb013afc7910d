// "Was my visit counted, and if not, why?": the same answer on the app's page and at the console of the site's.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { launch, visitor, whyNoBrowser } from "./chromium.mjs";
import { eventually } from "./loopback.mjs";
import { ready } from "./screen.mjs";
import { website } from "./website.mjs";
import { Weir, whyNoServer } from "./weir.mjs";

const EMAIL = "ada@example.com";
const PASSWORD = "correct horse";
const EXCLUDED = "192.0.2.7";
const HEADLESS =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36";

suite("verdicts", { skip: whyNoServer || whyNoBrowser }, () => {
  let browser;
  let weir;
  let site;
  let loggedIn;

  before(async () => {
    browser = await launch();
    weir = await Weir.start(async (starting) => {
      starting.settings = { WEIR_EXCLUDED_IPS: EXCLUDED };
      await starting.addSite("localhost");
      await starting.addUser(EMAIL, PASSWORD);
    });
    site = await website(weir.origin);
    const context = await visitor(browser);
    const page = await context.newPage();
    await page.goto(`${weir.origin}/login`);
    await page.getByLabel("Email").fill(EMAIL);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL((url) => url.pathname !== "/login");
    loggedIn = await context.storageState();
    await context.close();
  });
  after(async () => {
    await browser.close();
    await site.close();
    await weir.remove();
  });

  /** A browser with the app's page in one tab and a page of the site in another, which is looked into. */
  async function look({ init, address, origin = site.origin, ...options } = {}) {
    const context = await visitor(browser, { storageState: loggedIn, ...options });
    // As a proxy would say it: a header that the page itself sent would need a preflight.
    if (address)
      await context.route(`${weir.origin}/**`, (route) =>
        route.continue({ headers: { ...route.request().headers(), "x-forwarded-for": address } }),
      );
    const app = await context.newPage();
    await app.goto(`${weir.origin}/localhost/verdicts`);
    await ready(app);
    await app.getByText("Watching this browser").waitFor();
    const page = await context.newPage();
    if (init) await page.addInitScript(init);
    const lines = [];
    page.on("console", (message) => {
      if (message.type() === "info") lines.push(message.text());
    });
    await page.goto(`${origin}/`);
    await page.evaluate(() => window.weir.debug());
    return {
      context,
      app,
      page,
      lines,
      signUp: () => page.evaluate(() => window.weir.track("signup")),
      /** What the app's page says of events of this name, the last word of each. */
      shown: async (name) => {
        const rows = await app.getByRole("log").getByRole("listitem").allInnerTexts();
        return rows.filter((row) => row.startsWith(`${name}\n`)).map((row) => row.split("\n").at(-1));
      },
      /** The last word at the console on events of this name. */
      told: (name) =>
        lines
          .filter((line) => line.startsWith(`weir: ${name} `))
          .at(-1)
          ?.split(" \u2192 ")[1],
    };
  }

  async function checkVerdict(options, words) {
    const looked = await look(options);
    await looked.signUp();
    await eventually(
      `the app's page says ${words}`,
      () => looked.shown("signup"),
      (seen) => seen.length === 1 && words.test(seen[0]),
    );
    await eventually(
      `the console says ${words}`,
      () => looked.told("signup"),
      (seen) => words.test(seen ?? ""),
    );
    await looked.context.close();
  }

  test("stored", () => checkVerdict({}, /^Counted$/));

  test("bot, by what the browser says of itself", () =>
    checkVerdict(
      { init: () => Object.defineProperty(navigator, "webdriver", { get: () => true }) },
      /^Set aside as a bot: .*navigator\.webdriver/,
    ));

  test("bot, by its user agent", () =>
    checkVerdict({ userAgent: HEADLESS }, /^Set aside as a bot: .*headless/i));

  test("unknown host", () =>
    checkVerdict({ origin: site.origin.replace("localhost", "shop.test") }, /^Refused: no site here/));

  test("excluded address", () => checkVerdict({ address: EXCLUDED }, /^Not counted: your IP address/));

  test("duplicate: the answer was lost, and the tracker sent it again", async () => {
    const looked = await look();
    await eventually(
      "the view is counted",
      () => looked.shown("Page view"),
      (seen) => seen[0] === "Counted",
    );
    let lost = 0;
    await looked.page.route("**/x/api/v1/events", async (route) => {
      if (lost++) return route.continue();
      await route.fetch();
      await route.abort();
    });
    await looked.signUp();
    await eventually(
      "both are shown",
      () => looked.shown("signup"),
      (seen) => seen.length === 2 && seen[0] === "Counted" && seen[1].startsWith("A duplicate"),
    );
    await eventually(
      "the console says so",
      () => looked.told("signup"),
      (seen) => seen?.startsWith("A duplicate"),
    );
    await looked.context.close();
  });

  test("Do Not Track: nothing leaves the browser, and both say why", async () => {
    const looked = await look({
      init: () => Object.defineProperty(navigator, "doNotTrack", { get: () => "1" }),
    });
    await looked.signUp();
    await eventually(
      "the console says so",
      () => looked.told("signup"),
      (seen) => seen === "not sent: Do Not Track is on",
    );
    assert.deepEqual(await looked.shown("signup"), []);
    await looked.app.addInitScript(() => Object.defineProperty(navigator, "doNotTrack", { get: () => "1" }));
    await looked.app.reload();
    await looked.app.getByText("Do Not Track is on in this browser").waitFor();
    await looked.context.close();
  });

  test("it survives navigation, ends when told to, and is silent otherwise", async () => {
    const looked = await look();
    await looked.page.goto(`${site.origin}/next`);
    await eventually(
      "the next page's view is told",
      () => looked.lines.filter((line) => line.includes("/next")).at(-1),
      (seen) => seen?.endsWith("Counted"),
    );
    await looked.page.evaluate(() => window.weir.debug(false));
    const before = looked.lines.length;
    await looked.page.goto(`${site.origin}/quiet`);
    await eventually(
      "the quiet page's view is counted",
      () => looked.app.getByRole("log").innerText(),
      (text) => text.includes("/quiet"),
    );
    assert.equal(looked.lines.length, before);
    await looked.context.close();
  });

  test("nobody sees what another browser sends, and nothing of before is told", async () => {
    const other = await visitor(browser, { userAgent: `${HEADLESS} other` });
    const stranger = await other.newPage();
    await stranger.goto(`${site.origin}/before`);
    const looked = await look();
    // Not left: what a page says as it goes carries the browser's own name.
    await stranger.evaluate(() => history.pushState({}, "", "/strange"));
    await weir.settled();
    await looked.signUp();
    await eventually(
      "the own event is shown",
      () => looked.shown("signup"),
      (seen) => seen.length === 1,
    );
    const text = await looked.app.getByRole("log").innerText();
    assert.doesNotMatch(text, /strange|before/);
    await other.close();
    await looked.context.close();
  });

  test("nothing moves on the page as rows come", async () => {
    const looked = await look();
    // A tab behind another one is not painted, and nothing moves in what nobody sees.
    await looked.app.bringToFront();
    await looked.app.evaluate(() => {
      window.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shifts += entry.value;
      }).observe({ type: "layout-shift" });
    });
    for (const n of [1, 2, 3, 4, 5, 6]) {
      await looked.signUp();
      await eventually(
        `${n} are counted`,
        () => looked.shown("signup"),
        (seen) => seen.length === n && seen.every((words) => words === "Counted"),
      );
    }
    assert.equal(await looked.app.evaluate(() => window.shifts), 0);
    await looked.context.close();
  });
});
