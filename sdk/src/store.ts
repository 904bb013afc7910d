import { timeOf } from "./ids";

/** An event on its way: its id, and the JSON that is sent, made once so that nothing later changes it. */
export type Item = readonly [id: string, json: string];

/** A `Storage`, or a plain object in its place: both are read and written as properties. */
type Shelf = Record<string, string>;

const PREFIX = "weir:";
const LOST = "weir-lost";
const EVENTS_MAX = 100;
const AGE_MS_MAX = 864e5;

/**
 * Keeps events that could not be delivered. One key per event, so that tabs need no lock. An event
 * leaves only by `remove`, by its age, or as the oldest of too many; the last two are counted as lost.
 */
export class Store {
  private readonly _memory: Shelf = Object.create(null);
  private readonly _local: Shelf;
  private readonly _tab: Shelf;

  constructor(page: Window, noStorage: boolean) {
    const shelf = (name: "localStorage" | "sessionStorage") => {
      try {
        return (!noStorage && (page[name] as unknown as Shelf)) || this._memory;
      } catch {
        return this._memory;
      }
    };
    this._local = shelf("localStorage");
    this._tab = shelf("sessionStorage");
  }

  /** For any page of the site, later. */
  park(items: readonly Item[]) {
    for (const item of items) this._put(this._local, item);
    this.list();
  }

  /** For the next page of this tab. */
  copyToTab(items: readonly Item[]) {
    for (const item of items) this._put(this._tab, item);
  }

  remove(items: readonly Item[]) {
    for (const [id] of items) {
      for (const shelf of this._shelves()) delete shelf[PREFIX + id];
    }
  }

  /** Everything kept, oldest first. */
  list(): Item[] {
    const kept = new Map<string, string>();
    for (const shelf of this._shelves()) {
      for (const key of Object.keys(shelf)) {
        if (key.startsWith(PREFIX)) kept.set(key.slice(PREFIX.length), shelf[key]);
      }
    }
    const items = Array.from(kept).sort((a, b) => (a[0] < b[0] ? -1 : 1));
    const now = Date.now();
    // A clock that was far ahead makes ids that would otherwise never grow old.
    const dead = items.filter(
      ([id], i) => i < items.length - EVENTS_MAX || !(Math.abs(now - timeOf(id)) < AGE_MS_MAX),
    );
    this.remove(dead);
    this.lose(dead.length);
    return items.filter((item) => !dead.includes(item));
  }

  /** Counts events that were given up, until a delivery reports them. */
  lose(n: number) {
    if (n) this._write(this._local, LOST, `${n + this.takeLost()}`);
  }

  /** What was given up since it was last asked; the count starts again at nought. */
  takeLost(): number {
    let lost = 0;
    for (const shelf of [this._local, this._memory]) {
      lost += +shelf[LOST] || 0;
      delete shelf[LOST];
    }
    return lost;
  }

  private _shelves() {
    return [this._tab, this._local, this._memory];
  }

  private _put(shelf: Shelf, [id, json]: Item) {
    this._write(shelf, PREFIX + id, json);
  }

  /** A full or forbidden device is no reason to lose what fits in memory. */
  private _write(shelf: Shelf, key: string, value: string) {
    try {
      shelf[key] = value;
    } catch {
      this._memory[key] = value;
    }
  }
}
