import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "./loopback.mjs";
import { choose, random } from "./random.mjs";

const STEPS = 45;
const TABS_MAX = 3;
const READ_MS_MAX = 1500;

/** What a visitor does next, and how often. Offline no page can be loaded. */
const ONLINE = [
  ["track", 8],
  ["push", 4],
  ["go", 5],
  ["back", 3],
  ["open", 3],
  ["close", 3],
  ["both", 2],
  ["reload", 1],
  ["read", 3],
  ["offline", 2],
];
const OFFLINE = [
  ["track", 4],
  ["push", 3],
  ["close", 3],
  ["both", 1],
  ["read", 1],
  ["online", 3],
];

/** A visitor with up to three tabs whose steps hang on the seed alone. */
export class Scenario {
  constructor(context, siteOrigin, seed) {
    Object.assign(this, { context, siteOrigin, random: random(seed) });
  }

  tabs = [];
  isOffline = false;
  opened = 0;
  count = 0;
  /** The steps taken, in words. */
  story = [];
  /** Names of events that were given to a tracker which was there. */
  told = [];

  /** `between` runs before each step. */
  async run(between) {
    await this.open();
    for (let step = 0; step < STEPS; step++) {
      await between(step);
      const name = choose(this.isOffline ? OFFLINE : ONLINE, this.random());
      this.tab = this.tabs[Math.floor(this.random() * this.tabs.length)];
      this.story.push(`tab ${this.tab.number}: ${name}`);
      await this[name]();
    }
    if (this.isOffline) await this.online();
  }

  async track(tab = this.tab) {
    const names = Array.from(
      {
        length: choose(
          [
            [1, 4],
            [2, 3],
            [4, 2],
            [11, 1],
          ],
          this.random(),
        ),
      },
      () => this.name("e"),
    );
    // Before the script is there, or where it never comes, the calls wait in the page's own queue.
    const told = await tab.page.evaluate((names) => {
      for (const name of names) window.weir.q.push(["track", name]);
      return typeof window.weir.track === "function";
    }, names);
    if (told) this.told.push(...names);
    this.story.push(`  ${names.join(" ")}${told ? "" : " (no tracker yet)"}`);
  }

  push() {
    return this.tab.page.evaluate((path) => history.pushState({}, "", path), this.name("/s"));
  }

  go(path = this.name("/p")) {
    this.story.push(`  ${path}`);
    return this.tab.page.goto(this.siteOrigin + path, { waitUntil: "commit" });
  }

  /** Mostly out of the browser's cache. Before a tab's first page there is none: the visitor left, and returns. */
  async back() {
    const { page } = this.tab;
    await whenAttached(() => page.goBack({ waitUntil: "commit" }));
    if (!page.url().startsWith(this.siteOrigin)) await this.go();
  }

  reload() {
    const { page } = this.tab;
    return whenAttached(() => page.reload({ waitUntil: "commit" }));
  }

  async open() {
    if (this.tabs.length === TABS_MAX) return this.go();
    this.tab = { number: ++this.opened, page: await this.context.newPage() };
    this.tabs.push(this.tab);
    await this.go();
  }

  /**
   * With events that nobody has sent yet. Chromium says nothing to a page that is closed before it has loaded:
   * what such a page has in memory is lost, and no tracker can promise it.
   */
  async close() {
    const { page } = this.tab;
    await page.evaluate(
      () => document.readyState === "complete" || new Promise((done) => addEventListener("load", done)),
    );
    await this.track();
    if (this.tabs.length === 1) return;
    await page.evaluate(() => {
      sessionStorage.closing = true;
    });
    await Promise.all([page.waitForEvent("close"), page.close({ runBeforeUnload: true })]);
    this.tabs = this.tabs.filter((tab) => tab !== this.tab);
  }

  both() {
    return Promise.all(this.tabs.map((tab) => this.track(tab)));
  }

  read() {
    return sleep(this.random() * READ_MS_MAX);
  }

  async offline() {
    this.isOffline = true;
    await this.context.setOffline(true);
  }

  async online() {
    this.isOffline = false;
    await this.context.setOffline(false);
  }

  name(prefix) {
    this.count += 1;
    return `${prefix}${this.count}`;
  }
}

/** For a moment after it has come, a page takes no commands of the driver's. */
function whenAttached(command) {
  const isEarly = (error) => error && /Not attached to an active page/.test(error.message);
  return eventually(
    "the driver knows the page",
    () =>
      command().then(
        () => null,
        (error) => error,
      ),
    (error) => {
      if (error && !isEarly(error)) throw error;
      return !error;
    },
  );
}
