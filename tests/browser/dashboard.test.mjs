// From the first start to a dashboard that shows each visit by itself, all in the browser.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import { launch, PHONE, visitor, whyNoBrowser } from "./chromium.mjs";
import { Screen, troublesOf } from "./screen.mjs";
import { website } from "./website.mjs";
import { dayTimeZone, Weir, whyNoServer } from "./weir.mjs";

suite("the live dashboard", { skip: whyNoServer || whyNoBrowser }, () => {
  const zone = dayTimeZone();
  let browser;
  let weir;
  let site;
  let owner;
  let page;
  let screen;
  let troubles;

  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  beforeEach(async () => {
    weir = await Weir.start();
    site = await website(weir.origin);
    owner = await visitor(browser, { timezoneId: zone });
    page = await owner.newPage();
    troubles = await troublesOf(page, weir.origin);
    screen = new Screen(page);
  });
  afterEach(async () => {
    await owner.close();
    await site.close();
    await weir.remove();
  });

  async function createAccount() {
    await page.goto(weir.origin);
    await page.getByRole("heading", { name: "Welcome to Weir" }).waitFor();
    await page.getByLabel("Set-up code").fill("AAAA-AAAA-AAAA-AAAA");
    await page.getByLabel("Email").fill("ada@example.com");
    await page.getByLabel("Password").fill("correct horse");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("alert").filter({ hasText: "wrong" }).waitFor();
    assert.match(troubles.splice(0).join(), /^Failed to load resource: [^,]* 403/);
    await page.getByLabel("Set-up code").fill(await weir.setUpCode());
    await page.getByRole("button", { name: "Create account" }).click();
  }

  /** Ends at the screen that waits for the first event. */
  async function addSite() {
    await page.getByRole("heading", { name: "Add your first site" }).waitFor();
    await page.getByLabel("Domain").fill("localhost");
    await page.getByRole("button", { name: "Add site" }).click();
    await page.getByText("Waiting for the first event.").waitFor();
  }

  const push = (tab, path) => tab.evaluate((to) => history.pushState({}, "", to), path);
  const track = (tab, ...args) => tab.evaluate((given) => window.weir.track(...given), args);

  test("a first start, a first site, its first visits, a crash: all seen without a reload", async () => {
    await createAccount();
    await addSite();
    assert.equal(
      await page.locator("#snippet").innerText(),
      `<script defer src="${weir.origin}/y/api/v1/weir.js"></script>`,
    );
    await page.evaluate(() => {
      window.neverReloaded = true;
    });

    const guest = await visitor(browser);
    const tab = await guest.newPage();
    await tab.goto(`${site.origin}/?utm_source=letter`);
    await page.getByText("Events are arriving.").waitFor();
    await page.waitForURL(`${weir.origin}/localhost?period=day`);
    await screen.shows({
      now: "1 visitor right now",
      figures: {
        Visitors: "1",
        Visits: "1",
        "Page views": "1",
        "Views per visit": "1",
        "Bounce rate": "100%",
      },
      Pages: { "/": 1 },
      Sources: { letter: 1 },
      Devices: { Desktop: 1 },
      Events: {},
    });
    // By the name that the browser has for it.
    const own = await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone);
    await page.getByText(`days in ${own.replaceAll("_", " ")}`).waitFor();

    await push(tab, "/pricing");
    await screen.shows({
      figures: { Visits: "1", "Page views": "2", "Views per visit": "2", "Bounce rate": "0%" },
      Pages: { "/": 1, "/pricing": 1 },
    });
    await tab.goBack();
    await screen.shows({
      figures: { Visitors: "1", Visits: "1", "Page views": "3", "Views per visit": "3" },
    });
    await track(tab, "signup", { plan: "gold" });
    await screen.shows({ figures: { "Page views": "3" }, Events: { signup: 1 } });

    await guest.setOffline(true);
    await push(tab, "/docs");
    await track(tab, "download");
    await tab.evaluate(() => window.weir.flush());
    await guest.setOffline(false);
    await screen.shows({
      figures: { Visitors: "1", Visits: "1", "Page views": "4" },
      Pages: { "/": 1, "/pricing": 1, "/docs": 1 },
      Events: { signup: 1, download: 1 },
    });
    assert.deepEqual(troubles, []);

    await weir.kill();
    await page.getByText("Connection lost, trying again.").waitFor();
    await push(tab, "/while-down");
    await track(tab, "while down");
    await weir.up();
    await screen.shows({
      now: "1 visitor right now",
      figures: { Visitors: "1", Visits: "1", "Page views": "5" },
      Pages: { "/": 1, "/pricing": 1, "/docs": 1, "/while-down": 1 },
      Events: { signup: 1, download: 1, "while down": 1 },
    });
    await page.getByText("Connection lost, trying again.").waitFor({ state: "detached" });
    const connection = /net::ERR_|Failed to load resource/;
    assert.deepEqual(
      troubles.splice(0).filter((text) => !connection.test(text)),
      [],
    );

    const phone = await visitor(browser, { userAgent: PHONE });
    const other = await phone.newPage();
    await other.goto(`${site.origin}/pricing`);
    await screen.shows({
      now: "2 visitors right now",
      figures: {
        Visitors: "2",
        Visits: "2",
        "Page views": "6",
        "Views per visit": "3",
        "Bounce rate": "50%",
      },
      Pages: { "/pricing": 2, "/": 1, "/docs": 1, "/while-down": 1 },
      Sources: { letter: 1, "Direct / None": 1 },
      Devices: { Desktop: 1, Mobile: 1 },
    });
    const pages = page.getByRole("region", { name: "Pages", exact: true });
    await pages.getByRole("button", { name: "Entry" }).click();
    await screen.shows({ Pages: { "/": 1, "/pricing": 1 } });
    await pages.getByRole("button", { name: "Exit" }).click();
    await screen.shows({ Pages: { "/while-down": 1, "/pricing": 1 } });
    // The tab that is open follows, too.
    await push(other, "/thanks");
    await screen.shows({ figures: { "Page views": "7" }, Pages: { "/while-down": 1, "/thanks": 1 } });

    assert.equal(await page.evaluate(() => window.neverReloaded), true);
    assert.deepEqual(troubles, []);
    await guest.close();
    await phone.close();
    await theSameByOtherMeans();
  });

  /** The API, the books and the proof say what the screen said. */
  async function theSameByOtherMeans() {
    await weir.settled();
    const { visitors, visits, pageviews } = await weir.figures("visitors", "visits", "pageviews");
    assert.deepEqual({ visitors, visits, pageviews }, { visitors: 2, visits: 2, pageviews: 7 });
    await weir.stop();
    await weir.command("verify");
    const ledger = await weir.json("ledger");
    assert.deepEqual([ledger.balanced, ledger.pending], [true, 0]);
  }

  test("a filter, a period and a range are in the address and hold while figures arrive", async () => {
    await createAccount();
    await addSite();
    const guest = await visitor(browser);
    const tab = await guest.newPage();
    await tab.goto(`${site.origin}/?utm_source=letter`);
    await page.waitForURL(`${weir.origin}/localhost?period=day`);
    const phone = await visitor(browser, { userAgent: PHONE });
    await (await phone.newPage()).goto(`${site.origin}/`);
    await screen.shows({ figures: { Visitors: "2" }, Sources: { letter: 1, "Direct / None": 1 } });

    await page.getByRole("button", { name: /^letter: 1/ }).click();
    await screen.shows({ figures: { Visitors: "1", "Page views": "1" }, Devices: { Desktop: 1 } });
    await push(tab, "/more");
    await screen.shows({ figures: { Visitors: "1", "Page views": "2" }, Pages: { "/": 1, "/more": 1 } });
    const address = page.url();
    await page.reload();
    await screen.shows({ figures: { Visitors: "1", "Page views": "2" } });
    await page.getByRole("button", { name: /^Remove filter/ }).click();
    await screen.shows({ figures: { Visitors: "2", "Page views": "3" } });
    await page.goBack();
    assert.equal(page.url(), address);
    await screen.shows({ figures: { Visitors: "1" } });
    await page.goForward();

    await page.getByRole("button", { name: "Previous period", exact: true }).click();
    await screen.shows({ figures: { Visitors: "0", "Page views": "0" }, Pages: {} });
    await page.getByRole("button", { name: "Next period", exact: true }).click();
    await screen.shows({ figures: { Visitors: "2", "Page views": "3" } });
    await page.getByRole("button", { name: /^Period:/ }).click();
    await page.getByRole("button", { name: /^Last 7 days/ }).click();
    await screen.shows({ figures: { Visitors: "2", "Page views": "3" } });
    assert.match(page.url(), /period=7d/);
    assert.deepEqual(troubles, []);
    await guest.close();
    await phone.close();
  });
});
