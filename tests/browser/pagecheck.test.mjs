// The button that has a site's page looked at. This machine's own addresses are refused, so the answer is always that one.
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { launch, visitor, whyNoBrowser } from "./chromium.mjs";
import { ready, troublesOf } from "./screen.mjs";
import { Weir, whyNoServer } from "./weir.mjs";

const EMAIL = "ada@example.com";
const PASSWORD = "correct horse";
const PHONE_SIZE = { width: 390, height: 844 };
const REFUSED = [
  "The page could not be checked.",
  "https://localhost/",
  "The page can't be reached from here by a public address.",
  "See that the name leads to a public address and that a web server answers on port 80 or 443, or name another page.",
];

suite("the check of a page", { skip: whyNoServer || whyNoBrowser }, () => {
  let browser;
  let weir;
  let loggedIn;

  before(async () => {
    browser = await launch();
    weir = await Weir.start(async (starting) => {
      await starting.addSite("localhost");
      await starting.addUser(EMAIL, PASSWORD);
    });
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
    await weir.remove();
  });

  async function open(options) {
    const context = await visitor(browser, { storageState: loggedIn, ...options });
    const page = await context.newPage();
    const troubles = await troublesOf(page, weir.origin);
    await page.goto(`${weir.origin}/localhost/install`);
    await ready(page);
    const box = page.getByRole("region", { name: "Is the tag on the page?" });
    const button = box.getByRole("button", { name: "Check the page" });
    return { context, page, troubles, box, button, said: box.locator("[aria-live=polite]") };
  }

  const linesOf = async (said) =>
    (await said.innerText())
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);

  /** The least contrast of a text in the box with what is behind it, by WCAG's formula. */
  const contrastIn = (said) =>
    said.evaluate((live) => {
      const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const paint = (color) => {
        brush.fillStyle = color;
        brush.fillRect(0, 0, 1, 1);
      };
      const luminance = (colors) => {
        brush.clearRect(0, 0, 1, 1);
        for (const color of colors) paint(color);
        const [r, g, b] = [...brush.getImageData(0, 0, 1, 1).data].map((channel) => {
          const share = channel / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratios = [...live.querySelectorAll("p")].map((text) => {
        const behind = [];
        for (let one = text; one; one = one.parentElement)
          behind.unshift(getComputedStyle(one).backgroundColor);
        const [light, dark] = [luminance(behind), luminance([...behind, getComputedStyle(text).color])].sort(
          (a, b) => b - a,
        );
        return (light + 0.05) / (dark + 0.05);
      });
      return Math.min(...ratios);
    });

  for (const colorScheme of ["light", "dark"]) {
    test(`by keyboard and for a screen reader it says what it found, in place: ${colorScheme}`, async () => {
      const { context, page, troubles, box, button, said } = await open({
        viewport: PHONE_SIZE,
        colorScheme,
        hasTouch: true,
      });
      assert.deepEqual(await linesOf(said), [
        "Fetches the front page of localhost and says what keeps it from being counted.",
      ]);
      // A reader tells what changes in an element that was there before.
      const live = await said.elementHandle();
      const heightBefore = (await box.boundingBox()).height;
      for (let n = 0; n < 40 && !(await button.evaluate((one) => one === document.activeElement)); n++)
        await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await said.getByText(REFUSED[0]).waitFor();

      assert.deepEqual(await linesOf(said), REFUSED);
      assert.ok(await live.evaluate((element) => element.isConnected), "the live region is the same");
      assert.equal(await live.evaluate((element) => element.contains(document.activeElement)), false);
      assert.match(await said.ariaSnapshot(), /^- paragraph: The page could not be checked\.\n/);
      assert.equal(await said.getByRole("listitem").count(), 1);
      await button.waitFor();
      assert.ok(await button.evaluate((one) => one === document.activeElement), "the focus stays");
      assert.equal((await box.boundingBox()).height, heightBefore, "nothing below it moves");
      const isTooWide = () => document.documentElement.scrollWidth > document.documentElement.clientWidth;
      assert.equal(await page.evaluate(isTooWide), false);
      assert.ok((await contrastIn(said)) >= 4.5);
      assert.deepEqual(troubles, []);
      await context.close();
    });
  }

  test("too many in a minute are refused in words, and the button stays", async () => {
    const { context, page, troubles, button, said } = await open({ viewport: PHONE_SIZE });
    const status = await page.evaluate(async () => {
      const headers = { "Content-Type": "application/json" };
      const ask = () => fetch("/api/sites/localhost/check", { method: "POST", headers, body: "{}" });
      let answer = await ask();
      for (let n = 0; n < 10 && answer.ok; n++) answer = await ask();
      return answer.status;
    });
    assert.equal(status, 429);
    await button.click();
    await said.getByText("Too many pages were checked just now: wait a minute").waitFor();
    await button.waitFor();
    for (const trouble of troubles) assert.match(trouble, /^Failed to load resource: [^,]* 429 /);
    await context.close();
  });
});
