import assert from "node:assert/strict";
import { visitor } from "./chromium.mjs";
import { HostileProxy } from "./hostile-proxy.mjs";
import { eventually } from "./loopback.mjs";
import { keptBy, readNotes, takeNotes } from "./notes.mjs";
import { Scenario } from "./scenario.mjs";
import { website } from "./website.mjs";
import { Weir } from "./weir.mjs";

/** Before which step the server is killed, and before which it is there again. */
const KILLS = { 9: "kill", 12: "up", 22: "kill and up", 30: "kill", 32: "up" };

/** Every second seed also kills the server. */
const kills = (seed) => seed % 2 === 0;

/** A visit through the hostile proxy, and what was counted of it: fails unless that is what was made. */
export class HostileRun {
  static async of(seed, browser) {
    const run = Object.assign(new HostileRun(), { seed, began: Date.now() });
    try {
      await run.#start(browser);
      await run.#visit();
      await run.#arrive();
      return await run.#count();
    } catch (error) {
      error.message += `\n\n${run.#story()}`;
      throw error;
    } finally {
      await run.#end();
    }
  }

  async #start(browser) {
    this.weir = await Weir.start((starting) => starting.addSite("localhost"));
    this.proxy = await HostileProxy.start(2 * this.seed, this.weir.port);
    this.site = await website(this.proxy.origin);
    this.context = await visitor(browser);
    await this.context.addInitScript(takeNotes);
    this.scenario = new Scenario(this.context, this.site.origin, 2 * this.seed + 1);
  }

  async #visit() {
    await this.scenario.run(async (step) => {
      const change = kills(this.seed) && KILLS[step];
      if (!change) return;
      this.scenario.story.push(`-- server: ${change}`);
      if (change !== "up") await this.weir.kill();
      if (change !== "kill") await this.weir.up();
    });
  }

  /** In calm every tab gets a last page; the tracker is done when it keeps nothing any more. */
  async #arrive() {
    this.proxy.calm();
    const { scenario, proxy } = this;
    for (scenario.tab of scenario.tabs) await scenario.go(scenario.name("/last"));
    const [{ page }] = scenario.tabs;
    const isLast = ([, words]) => words.startsWith("/last");
    await eventually(
      "the tracker has delivered everything",
      async () => ({
        kept: (await Promise.all(scenario.tabs.map((tab) => keptBy(tab.page)))).flat(),
        unheard: [...(await readNotes(page)).made].filter(isLast).filter(([id]) => !proxy.heard.has(id))
          .length,
        lastPages: [...(await readNotes(page)).made].filter(isLast).length,
        busy: proxy.busy,
      }),
      (seen) => seen.kept.length + seen.unheard + seen.busy === 0 && seen.lastPages === scenario.tabs.length,
    );
    this.notes = await readNotes(page);
    // A page that is closed might tell how long it was in sight, and that would be in no notes.
    await proxy.close();
  }

  async #count() {
    const { weir, proxy, scenario } = this;
    const { made, onlyTab } = this.notes;
    const words = [...made.values()];
    assert.deepEqual(
      scenario.told.filter((name) => !words.includes(name)),
      [],
      "every call to the tracker made an event",
    );
    assert.equal(proxy.givenUp, 0, "the tracker gave nothing up");
    await weir.settled();
    const counted = await this.#figures();
    await weir.stop();
    const books = await this.#books();
    await weir.command("verify");

    counted.engagement = books.stored - sum(Object.values(counted));
    const unpromised = new Set([...onlyTab].filter((id) => !proxy.heard.has(id)));
    const sure = countOf([...made].filter(([id]) => !unpromised.has(id)).map(([, what]) => what));
    const maybe = countOf(proxy.unsure.filter((id) => unpromised.has(id)).map((id) => made.get(id)));
    assert.deepEqual(wrong(counted, sure, maybe), [], "each event is counted exactly once");
    this.#checkBooks(books);
    return this.#row(books);
  }

  /** Page views by path and custom events by name. */
  async #figures() {
    const views = await this.weir.by("event:page", "pageviews");
    const { pageview, ...events } = await this.weir.by("event:name", "events");
    const isCounted = ([what, n]) => n > 0 && what && what !== "engagement";
    return Object.fromEntries(Object.entries({ ...views, ...events }).filter(isCounted));
  }

  async #books() {
    const { pending, balanced, sites } = await this.weir.json("ledger");
    assert.deepEqual({ pending, balanced }, { pending: 0, balanced: true });
    const days = sites.flatMap((site) => site.days);
    const total = (name) => sum(days.map((day) => day[name]));
    const aside = days.flatMap((day) => Object.entries(day.set_aside)).filter(([, n]) => n > 0);
    assert.deepEqual(aside, [], "nothing is set aside");
    return { received: total("received"), stored: total("stored"), duplicate: total("duplicate") };
  }

  /** Every copy that got through is in the books: once as stored, each further one as a duplicate. */
  #checkBooks({ received, stored, duplicate }) {
    const { acknowledged, unsure } = this.proxy;
    assert.equal(stored + duplicate, received);
    assert.ok(
      received >= acknowledged && received <= acknowledged + unsure.length,
      `${received} received; ${acknowledged} acknowledged, ${unsure.length} unsure`,
    );
  }

  #row({ stored, received, duplicate }) {
    const killed = kills(this.seed) ? Object.values(KILLS).filter((change) => change !== "up").length : 0;
    return {
      seed: this.seed,
      events: this.notes.made.size,
      // Nothing but a closed tab knew of them.
      "closed tab": this.notes.made.size - stored,
      counted: stored,
      received,
      duplicate,
      killed,
      requests: this.proxy.diary.length,
      ...this.proxy.tally(),
      seconds: ((Date.now() - this.began) / 1000).toFixed(1),
    };
  }

  #story() {
    const lines = [`seed ${this.seed}`, "the visitor:", ...(this.scenario?.story ?? [])];
    return [...lines, "the proxy:", this.proxy?.story(), "the server:", this.weir?.log].join("\n");
  }

  async #end() {
    await this.context?.close();
    await this.site?.close();
    await this.proxy?.close();
    await this.weir?.remove();
  }
}

const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);

/** What was not counted as often as it is sure to have happened, and maybe some times more. */
function wrong(counted, sure, maybe) {
  const all = new Set([...Object.keys(counted), ...Object.keys(sure)]);
  return [...all]
    .map((what) => ({ what, made: sure[what] ?? 0, counted: counted[what] ?? 0 }))
    .filter(({ what, made, counted }) => counted < made || counted > made + (maybe[what] ?? 0));
}

/** How often each word is there. */
function countOf(words) {
  const counts = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
