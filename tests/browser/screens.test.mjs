// Every screen, in every look: whole, quiet, within its width, by keyboard; and who may see it.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { launch, PHONE, visitor, whyNoBrowser } from "./chromium.mjs";
import { ready, Screen, troublesOf } from "./screen.mjs";
import { Weir, whyNoServer } from "./weir.mjs";

const EMAIL = "ada@example.com";
const PASSWORD = "correct horse";

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 390, height: 844 };
const LOOKS = [
  { name: "light", viewport: WIDE, colorScheme: "light" },
  { name: "dark", viewport: WIDE, colorScheme: "dark" },
  { name: "light phone", viewport: NARROW, colorScheme: "light", hasTouch: true },
  { name: "dark phone", viewport: NARROW, colorScheme: "dark", hasTouch: true },
];

/** Behind the login, with words that only this screen has. */
const SCREENS = [
  ["/sites", "Sites"],
  ["/sites/new", "Time zone"],
  ["/localhost", "Bounce rate"],
  ["/localhost?period=24h&f=is,visit:source,letter", "Source is"],
  ["/localhost/install", "Copy tag"],
  ["/quiet.example/install", "Waiting for the first event."],
  ["/ledger", "Balanced"],
  ["/health", "All well"],
  ["/localhost/verdicts", "Watching this browser"],
  ["/localhost/settings", "Count bots as visitors"],
  ["/account", "Change password"],
  ["/no.such.example", "is no site here"],
];

suite("screens", { skip: whyNoServer || whyNoBrowser }, () => {
  let browser;
  /** With an account, a site that was visited and one that was not. */
  let weir;
  /** Just started for the first time. */
  let fresh;
  let loggedIn;

  before(async () => {
    browser = await launch();
    weir = await Weir.start(async (starting) => {
      await starting.addSite("localhost");
      await starting.addSite("quiet.example");
      await starting.addUser(EMAIL, PASSWORD);
    });
    fresh = await Weir.start();
    await fill();
    const context = await visitor(browser);
    const page = await context.newPage();
    await page.goto(`${weir.origin}/login`);
    await logIn(page, PASSWORD);
    await page.waitForURL(`${weir.origin}/`);
    loggedIn = await context.storageState();
    await context.close();
  });
  after(async () => {
    await browser.close();
    await weir.remove();
    await fresh.remove();
  });

  /** Enough for every panel to have more rows than one, and one text too long for any of them. */
  async function fill() {
    let timestamp = Date.now() - 60_000;
    const view = (path) => {
      timestamp += 1000;
      return { type: "pageview", url: `http://localhost:8080${path}`, timestamp };
    };
    const long = `/a-path-without-end/${"and-on-".repeat(60)}`;
    const visits = [
      ["8.8.8.8", "Windows NT 10.0; Win64; x64; rv:140.0", [view("/?utm_source=letter"), view("/pricing")]],
      ["193.0.6.139", "X11; Linux x86_64; rv:140.0", [view("/pricing"), view(long)]],
      [
        "133.11.93.0",
        "Macintosh; Intel Mac OS X 10.15; rv:140.0",
        [view("/"), { ...view("/"), type: "event", name: "signup" }],
      ],
    ];
    for (const [address, system, events] of visits) {
      const userAgent = `Mozilla/5.0 (${system}) Gecko/20100101 Firefox/140.0`;
      const { accepted } = await weir.deliver(events, { address, userAgent });
      assert.equal(accepted, events.length);
    }
    await weir.deliver([view("/blog")], { address: "8.8.4.4", userAgent: PHONE });
    await weir.settled();
  }

  async function logIn(page, password) {
    await page.getByLabel("Email").fill(EMAIL);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
  }

  async function open(look, { origin = weir.origin, ...options } = {}) {
    const context = await visitor(browser, { ...look, ...options });
    const page = await context.newPage();
    const troubles = await troublesOf(page, origin);
    return { context, page, troubles };
  }

  const opened = (look = LOOKS[0]) => open(look, { storageState: loggedIn });

  async function checkScreen(page, path, words, look) {
    const what = `${path} ${look.name}`;
    await ready(page);
    await page.getByText(words).first().waitFor();
    const seen = await page.evaluate(() => {
      const root = document.documentElement;
      const color = getComputedStyle(document.body).backgroundColor;
      const [red, green, blue] = color.match(/[\d.]+/g).map(Number);
      const scale = color.startsWith("rgb") ? 255 : 1;
      // An oklch or color() value begins with its lightness.
      const lightness = color.startsWith("rgb") ? (red + green + blue) / 3 / scale : red;
      return { tooWide: root.scrollWidth - root.clientWidth, isDark: lightness < 0.5, title: document.title };
    });
    assert.deepEqual([what, seen.tooWide], [what, 0], "no sideways scroll");
    assert.deepEqual([what, seen.isDark], [what, look.colorScheme === "dark"], "the system's theme");
    assert.match(seen.title, /Weir/, what);
  }

  for (const look of LOOKS) {
    test(`each screen is whole, quiet and within its width: ${look.name}`, async () => {
      const { context, page, troubles } = await opened(look);
      for (const [path, words] of SCREENS) {
        await page.goto(weir.origin + path);
        await checkScreen(page, path, words, look);
      }
      await context.close();
      const guest = await open(look);
      await guest.page.goto(`${weir.origin}/ledger`);
      await checkScreen(guest.page, "/login", "Your sites are waiting.", look);
      const first = await open(look, { origin: fresh.origin });
      await first.page.goto(fresh.origin);
      await checkScreen(first.page, "/setup", "Make the owner's account.", look);
      assert.deepEqual([...troubles, ...guest.troubles, ...first.troubles], []);
      await guest.context.close();
      await first.context.close();
    });
  }

  test("a chosen theme holds against the system's, over a reload", async () => {
    const { context, page, troubles } = await opened(LOOKS[0]);
    await page.goto(`${weir.origin}/sites`);
    await checkScreen(page, "/sites", "Sites", LOOKS[0]);
    await page.getByRole("button", { name: "Switch to the dark theme" }).click();
    await checkScreen(page, "/sites", "Sites", LOOKS[1]);
    await page.reload();
    await checkScreen(page, "/sites", "Sites", LOOKS[1]);
    assert.deepEqual(troubles, []);
    await context.close();
  });

  for (const look of [LOOKS[0], LOOKS[2]]) {
    test(`nothing moves while the dashboard loads: ${look.name}`, async () => {
      const { context, page, troubles } = await opened(look);
      await page.addInitScript(() => {
        window.shifts = [];
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries())
            window.shifts.push(
              ...entry.sources.map(
                ({ node, previousRect, currentRect }) =>
                  `${entry.value}: ${(node?.outerHTML ?? "").slice(0, 200)} ${JSON.stringify([previousRect, currentRect])}`,
              ),
            );
        }).observe({ type: "layout-shift", buffered: true });
      });
      // Figures arrive only once the page without them was painted.
      let letGo;
      const painted = new Promise((resolve) => {
        letGo = resolve;
      });
      await page.route("**/api/v2/query", async (route) => {
        await painted;
        await route.continue();
      });
      await page.goto(`${weir.origin}/localhost`, { waitUntil: "commit" });
      await page.locator(".skeleton").first().waitFor();
      const twoFrames = () =>
        page.evaluate(
          () =>
            new Promise((done) =>
              requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))),
            ),
        );
      await twoFrames();
      letGo();
      await ready(page);
      await new Screen(page).shows({ figures: { Visitors: "4", "Page views": "6" } });
      await twoFrames();
      assert.deepEqual(await page.evaluate(() => window.shifts), []);
      assert.deepEqual(troubles, []);
      await context.close();
    });
  }

  test("only who knows the password gets in, to where they wanted, and out again", async () => {
    const { context, page, troubles } = await open(LOOKS[0]);
    await page.goto(`${weir.origin}/ledger`);
    await page.waitForURL(`${weir.origin}/login?next=%2Fledger`);
    await logIn(page, "wrong horse");
    await page.getByRole("alert").filter({ hasText: "Email or password is wrong" }).waitFor();
    assert.match(troubles.splice(0).join(), /^Failed to load resource: [^,]* 401 [^,]*$/);
    await logIn(page, PASSWORD);
    await page.getByText("Balanced").first().waitFor();
    assert.equal(page.url(), `${weir.origin}/ledger`);
    const [cookie] = await context.cookies();
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Lax"]);
    assert.equal(await page.evaluate(() => document.cookie), "");

    await page.getByRole("button", { name: "Account" }).click();
    await page.getByText(EMAIL).waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL(`${weir.origin}/login`);
    // The session has ended on the server, too: an old cookie opens nothing.
    await context.clearCookies();
    await context.addCookies([cookie]);
    const answer = await context.request.get(`${weir.origin}/api/sites`);
    assert.equal(answer.status(), 401);
    await page.goto(`${weir.origin}/localhost`);
    await page.waitForURL(`${weir.origin}/login?next=%2Flocalhost`);
    assert.deepEqual(troubles, []);
    await context.close();
  });

  test("a new password logs other devices out and opens the door from then on", async () => {
    await weir.addUser("bob@example.com", "first password");
    const enter = async (password) => {
      const device = await open(LOOKS[0]);
      await device.page.goto(`${weir.origin}/login?next=%2Faccount`);
      await device.page.getByLabel("Email").fill("bob@example.com");
      await device.page.getByLabel("Password").fill(password);
      await device.page.getByRole("button", { name: "Log in" }).click();
      await device.page.getByText("Logs out every other device.").waitFor();
      return device;
    };
    const desk = await enter("first password");
    const bag = await enter("first password");
    await desk.page.getByLabel("Current password").fill("first password");
    await desk.page.getByLabel("New password").fill("second password");
    await desk.page.getByRole("button", { name: "Change password" }).click();
    await desk.page.getByText("Changed.").waitFor();
    await desk.page.reload();
    await desk.page.getByText("Logs out every other device.").waitFor();
    await bag.page.reload();
    await bag.page.waitForURL(`${weir.origin}/login?next=%2Faccount`);
    const again = await enter("second password");
    assert.deepEqual([...desk.troubles, ...bag.troubles, ...again.troubles], []);
    for (const { context } of [desk, bag, again]) await context.close();
  });

  /** Presses Tab until the element with this role and name has the focus, and a ring that shows it. */
  async function tabTo(page, role, name) {
    const wanted = page.getByRole(role, { name }).first();
    const stops = [];
    for (let n = 0; n < 80; n++) {
      await page.keyboard.press("Tab");
      if (await wanted.evaluate((element) => element === document.activeElement)) {
        const ring = await wanted.evaluate((element) => {
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          return outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 1;
        });
        assert.ok(ring, `${name} shows that it has the focus`);
        return;
      }
      stops.push(
        await page.evaluate(
          () => document.activeElement.ariaLabel ?? document.activeElement.textContent.slice(0, 40),
        ),
      );
    }
    assert.fail(`${role} ${name} was not reached: ${stops.join(" | ")}`);
  }

  test("the dashboard is reached, read and steered by keyboard alone", async () => {
    const { context, page, troubles } = await open(LOOKS[0]);
    const screen = new Screen(page);
    await page.goto(`${weir.origin}/login?next=%2Flocalhost`);
    await page.getByLabel("Email").waitFor();
    await page.keyboard.type(EMAIL);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${weir.origin}/localhost`);
    await screen.shows({ figures: { Visitors: "4" } });

    await page.evaluate(() => document.activeElement?.blur());
    await tabTo(page, "link", "Skip to content");
    for (const [role, name] of [
      ["link", "Weir, all sites"],
      ["link", "Sites"],
      ["link", "Ledger"],
      ["link", "Health"],
      ["button", /^Switch to/],
      ["button", "Account"],
      ["button", /^Site: localhost/],
      ["button", /right now/],
      ["button", /^Period:/],
    ])
      await tabTo(page, role, name);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Enter");
    // The list opens at what is chosen.
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.waitForURL(/period=7d/);
    await screen.shows({ figures: { Visitors: "4" } });

    await tabTo(page, "button", /^Page views/);
    await page.keyboard.press("Enter");
    await page.waitForURL(/metric=pageviews/);
    await tabTo(page, "button", "Entry");
    await page.keyboard.press("Enter");
    await screen.shows({ Pages: { "/": 2, "/pricing": 1, "/blog": 1 } });
    await tabTo(page, "button", "Details of Entry");
    await page.keyboard.press("Enter");
    await page
      .getByRole("dialog", { name: "Entry" })
      .getByText("4 rows")
      .or(page.getByText("3 rows"))
      .waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await tabTo(page, "button", /^letter: 1/);
    await page.keyboard.press("Enter");
    await screen.shows({ figures: { Visitors: "1", "Page views": "2" } });
    await tabTo(page, "button", "Details of Events");
    await page.keyboard.press("d");
    await page.waitForURL(/period=day/);
    assert.deepEqual(troubles, []);
    await context.close();
  });
});
