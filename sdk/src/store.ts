import { noStorage } from "./config";
import { timeOf } from "./ids";

/** An event on its way: its id, and the JSON that is sent, made once so that nothing later changes it. */
export type Item = readonly [id: string, json: string];

/** A `Storage`, or a plain object in its place: both are read and written as properties. */
type Shelf = Record<string, string>;

const PREFIX = "weir:";
const LOST = "weir-lost";
const EVENTS_MAX = 100;
const AGE_MS_MAX = 864e5;

/** A full or forbidden device is no reason to lose what fits in memory. */
const memory: Shelf = Object.create(null);

function open(name: "localStorage" | "sessionStorage"): Shelf {
  try {
    return (!noStorage && (window[name] as unknown as Shelf)) || memory;
  } catch {
    return memory;
  }
}

/** Of the site, for any later page. */
const local = open("localStorage");
/** Of this tab, for its next page. */
const tab = open("sessionStorage");
const anyPage = [local, memory];
const shelves = [tab, local, memory];

function write(shelf: Shelf, key: string, value: string) {
  try {
    shelf[key] = value;
  } catch {
    memory[key] = value;
  }
}

function read(from: Shelf[]): Item[] {
  const found = new Map<string, string>();
  for (const shelf of from) {
    for (const key of Object.keys(shelf)) {
      if (key.startsWith(PREFIX)) found.set(key.slice(PREFIX.length), shelf[key]);
    }
  }
  // Ids begin with their time: this is the order of the events.
  return Array.from(found).sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

export function remove(items: readonly Item[]) {
  for (const [id] of items) {
    for (const shelf of shelves) delete shelf[PREFIX + id];
  }
}

/** What was given up since it was last asked; the count starts again at nought. */
export function takeLost(): number {
  let lost = 0;
  for (const shelf of anyPage) {
    lost += +shelf[LOST] || 0;
    delete shelf[LOST];
  }
  return lost;
}

/** Counts events that were given up, until a delivery reports them. */
export function lose(n: number) {
  if (n) write(local, LOST, `${n + takeLost()}`);
}

/** What is kept, oldest first, after those too old and the oldest of too many were given up. */
function prune(from: Shelf[]): Item[] {
  const items = read(from);
  const now = Date.now();
  // Ids made by a clock that was far ahead would otherwise never grow old.
  const isDead = ([id]: Item, i: number) =>
    i < items.length - EVENTS_MAX || !(Math.abs(now - timeOf(id)) < AGE_MS_MAX);
  const dead = items.filter(isDead);
  remove(dead);
  lose(dead.length);
  return items.filter((item) => !dead.includes(item));
}

/** What could not be delivered, of any page and tab. */
export const parked = () => prune(anyPage);

/** What the tab's last page had not seen acknowledged. */
export const leftByLastPage = () => prune([tab]);

/** What no storage would take. */
export const unsaved = () => read([memory]);

const put = (shelf: Shelf, items: readonly Item[]) => {
  for (const [id, json] of items) write(shelf, PREFIX + id, json);
};

/** Keeps events for later. One key each, so that tabs need no lock. */
export function park(items: readonly Item[]) {
  put(local, items);
  parked();
}

/** Keeps events for the tab's next page. */
export const copyToTab = (items: readonly Item[]) => put(tab, items);
