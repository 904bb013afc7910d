import assert from "node:assert/strict";
import { visitor } from "./browser.mjs";
import { fakeIngest } from "./fake-ingest.mjs";
import { eventually } from "./loopback.mjs";
import { website } from "./website.mjs";

/** A server, a site and a visitor on it, for one test. */
export class Stage {
  static async set(browser) {
    const stage = new Stage();
    stage.ingest = await fakeIngest();
    stage.site = await website(stage.ingest.origin);
    stage.context = await visitor(browser);
    stage.page = await stage.context.newPage();
    /** What a page must never see of the tracker: errors, rejections, anything on the console. */
    stage.troubles = [];
    stage.page.on("pageerror", (error) => stage.troubles.push(`${error}`));
    stage.page.on("console", (message) => stage.troubles.push(message.text()));
    return stage;
  }

  async end() {
    await this.context.close();
    await this.site.close();
    await this.ingest.close();
    // The browser's own notes on a page that was not found, or a network that is off.
    const own = this.troubles.filter((text) => !text.startsWith("Failed to load resource"));
    assert.deepEqual(own, []);
    assert.equal(this.ingest.preflights, 0);
  }

  /** Loads a page with this body and these attributes on the script's tag. */
  async open({ body, tag = {}, path = "/", origin = this.site.origin, ...rest }) {
    Object.assign(this.site, { body: body ?? this.site.body, tag, ...rest });
    await this.page.goto(origin + path);
    await this.page.waitForFunction(() => window.weir.track);
  }

  evaluate(...args) {
    return this.page.evaluate(...args);
  }

  /**
   * As a mouse does, and a driver that asks the element does not: its form may answer in its place. Nor is there
   * any load to wait for.
   */
  async press(selector, options) {
    const { x, y } = await this.evaluate(
      (it) => document.querySelector(it).getBoundingClientRect(),
      selector,
    );
    await this.page.mouse.click(x + 4, y + 4, options);
  }

  track(...args) {
    return this.page.evaluate((given) => window.weir.track(...given), args);
  }

  get events() {
    return [...this.ingest.counted.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Views and custom events, and not the time in sight, which hangs on how fast the test is. */
  get counts() {
    return this.events.filter(({ type }) => type !== "engagement");
  }

  /** All that was counted, in its order, once an event sent after it is there as well. */
  async counted(words = wordsOf) {
    const mark = `mark ${++this.marks}`;
    await this.track(mark);
    await eventually(
      mark,
      () => this.events.map((event) => event.name),
      (names) => names.includes(mark),
    );
    return this.counts.filter(({ name }) => !name?.startsWith("mark ")).map(words);
  }

  marks = 0;

  /** Custom events with their properties. */
  async custom() {
    const seen = await this.counted(({ type, name, props }) => type === "event" && [name, props ?? {}]);
    return seen.filter(Boolean);
  }

  /** Waits until custom events of these names were counted, and no other. */
  async customAre(expected) {
    await eventually(
      `${expected}`,
      () => this.custom(),
      (seen) => seen.length >= expected.length,
    );
    assert.deepEqual(await this.custom(), expected);
  }
}

/** The name of a custom event, the path of a view. */
export const wordsOf = ({ name, url }) => name ?? new URL(url).pathname + new URL(url).hash;
