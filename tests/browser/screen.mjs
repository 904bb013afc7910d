import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { eventually } from "./loopback.mjs";

/** Whatever went wrong in a page without anybody seeing it: in the console, by its own policy, or to other hosts. */
export async function troublesOf(page, origin) {
  const troubles = [];
  page.on("pageerror", (error) => troubles.push(`${error}`));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) troubles.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`) && !request.url().startsWith("data:"))
      troubles.push(`asks ${request.url()}`);
  });
  await page.exposeFunction("reportTrouble", (text) => troubles.push(text));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      window.reportTrouble(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  return troubles;
}

/** Nothing on the screen is a placeholder any more. */
export function ready(page) {
  return page.waitForFunction(
    () =>
      document.querySelector("main")?.innerText.trim() &&
      !document.querySelector("[aria-busy=true], .skeleton"),
  );
}

/** What a person reads on the dashboard. */
export class Screen {
  constructor(page) {
    this.page = page;
  }

  /** The headline: name -> figure. */
  async figures() {
    const group = this.page.getByRole("group", { name: /^Figures of this period/ });
    const texts = await group.getByRole("button").allInnerTexts();
    return Object.fromEntries(texts.map((text) => lines(text).slice(0, 2)));
  }

  /** A panel's rows: text -> count. */
  async rows(panel) {
    const list = this.page.getByRole("region", { name: panel, exact: true }).getByRole("listitem");
    const texts = await list.allInnerTexts();
    return Object.fromEntries(texts.map((text) => lines(text)).map(([name, count]) => [name, Number(count)]));
  }

  /** How many are there right now, in words. */
  async now() {
    const pill = this.page.getByRole("button", { name: /\d+ visitors? right now/ });
    const [text] = await pill.allInnerTexts();
    return text?.replace(/\s+/g, " ").trim();
  }

  /** Waits until the screen shows this; what it does not name may be anything. */
  async shows({ now, figures = {}, ...panels }) {
    const expected = { ...(now && { now }), figures, ...panels };
    const read = async () => {
      const all = await this.figures();
      const seen = { ...(now && { now: await this.now() }), figures: {} };
      for (const name of Object.keys(figures)) seen.figures[name] = all[name];
      for (const name of Object.keys(panels)) seen[name] = await this.rows(name);
      return seen;
    };
    await eventually("the dashboard", read, (seen) => isDeepStrictEqual(seen, expected)).catch(
      async (error) => assert.deepEqual(await read(), expected, error.message),
    );
  }
}

function lines(text) {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
