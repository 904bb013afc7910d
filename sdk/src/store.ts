import { option, trackerName } from "./config";
import { isHeld, refusal } from "./consent";
import { timeOf } from "./ids";

/** An event on its way: its id, and the JSON that is sent, made once so that nothing later changes it. */
export type Item = readonly [id: string, json: string];

/** A `Storage`, or a plain object in its place: both are read and written as properties. */
type Shelf = Record<string, string>;

const EVENTS_MAX = 100;
const AGE_MS_MAX = 864e5;
const DEBUG_KEY = "weir-debug";

/** A full or forbidden device is no reason to lose what fits in memory. */
const memory: Shelf = Object.create(null);

/** What keys of events begin with. Trackers of one page do not touch each other's. */
let prefix = "weir:";
let lostKey = "weir-lost";
/** Of the site, for any later page. */
let local = memory;
/** Of this tab, for its next page. */
let tab = memory;
/** Of the site, for the visitor's own word, which is kept whatever the site has chosen. */
let device = memory;

/** Of this tab, for whoever looks into it: asked for by hand, and so kept whatever the site has chosen. */
let session = memory;

function open(name: "localStorage" | "sessionStorage"): Shelf {
  try {
    // To look into it takes much longer than to get hold of it, and only the first time.
    return Object.keys(window[name]) && (window[name] as unknown as Shelf);
  } catch {
    return memory;
  }
}

/** What the site lets be written to. */
const allowed = (shelf: Shelf) => (option("storage") === "none" ? memory : shelf);

export function openDevice() {
  if (FULL) {
    prefix = `${trackerName}:`;
    lostKey = `${trackerName}-lost`;
  }
  device = open("localStorage");
  local = allowed(device);
}

export function openTab() {
  const opened = open("sessionStorage");
  if (FULL) session = opened;
  tab = allowed(opened);
}

function write(shelf: Shelf, key: string, value: string) {
  try {
    shelf[key] = value;
  } catch {
    memory[key] = value;
  }
}

function read(from: Shelf[]): Item[] {
  const found: Shelf = {};
  for (const shelf of from) {
    for (const key of Object.keys(shelf)) {
      if (key.startsWith(prefix)) found[key.slice(prefix.length)] = shelf[key];
    }
  }
  // Ids begin with their time: this is the order of the events.
  return Object.keys(found)
    .sort()
    .map((id): Item => [id, found[id]]);
}

/** Without a word of his own, a visitor who is not to be counted by Plausible is not counted here either. */
export const wordKept = (): string | undefined =>
  FULL ? memory.weir_ignore || device.weir_ignore || device.plausible_ignore : device.weir_ignore;

export function keepWord(word: string) {
  delete memory.weir_ignore;
  write(device, "weir_ignore", word);
}

/** Whether somebody at the console wants to know what becomes of every event. */
export const isDebugged = () => FULL && !!(memory[DEBUG_KEY] || session[DEBUG_KEY]);

export function keepDebug(on: boolean) {
  for (const shelf of [memory, session]) delete shelf[DEBUG_KEY];
  if (on) write(session, DEBUG_KEY, "1");
}

export function remove(items: readonly Item[]) {
  for (const [id] of items) {
    for (const shelf of [tab, local, memory]) delete shelf[prefix + id];
  }
}

/** What was given up since it was last asked; the count starts again at nought. */
export function takeLost(): number {
  let lost = 0;
  for (const shelf of [local, memory]) {
    lost += +shelf[lostKey] || 0;
    delete shelf[lostKey];
  }
  return lost;
}

/** Counts events that were given up, until a delivery reports them. */
export function lose(n: number) {
  if (n) write(isHeld() ? memory : local, lostKey, `${n + takeLost()}`);
}

/** What is kept, oldest first, after those too old and the oldest of too many were given up. */
function prune(from: Shelf[]): Item[] {
  const items = read(from);
  const now = Date.now();
  // Ids made by a clock that was far ahead would otherwise never grow old; and what a page has spoilt would
  // spoil the batch in which it is sent.
  const isDead = ([id, json]: Item, i: number) =>
    i < items.length - EVENTS_MAX || !(Math.abs(now - timeOf(id)) < AGE_MS_MAX) || !/^{.*}$/.test(json);
  const dead = items.filter(isDead);
  remove(dead);
  lose(dead.length);
  return items.filter((item) => !dead.includes(item));
}

/** What could not be delivered, of any page and tab. */
export const parked = () => prune([local, memory]);

/** What the tab's last page had not seen acknowledged. */
export const leftByLastPage = () => prune([tab]);

/** What no storage would take. */
export const unsaved = () => read([memory]);

const put = (shelf: Shelf, items: readonly Item[]) => {
  if (!refusal()) for (const [id, json] of items) write(shelf, prefix + id, json);
};

/** Keeps events for later. One key each, so that tabs need no lock. */
export function park(items: readonly Item[]) {
  put(local, items);
  parked();
}

/** Keeps events for the tab's next page. */
export const copyToTab = (items: readonly Item[]) => put(tab, items);
