import type { Item, Store } from "./store";

const WAIT_MS = 200;
const EVENTS_MAX = 10;
const BYTES_MAX = 32768;
const KEEPALIVE_BYTES_MAX = 16384;
const RETRIES_MAX = 3;
const ANSWER_MS_MAX = 15e3;
const RETRY_AFTER_SECS_MAX = 3600;

/** One request's events, from its first try until it is answered for good or parked. */
interface Flight {
  _items: readonly Item[];
  /** The browser finishes the request even if the page goes. */
  _kept?: boolean;
}

interface Answer {
  _status: number;
  _retryAfterSecs?: number;
  _why?: string;
}

const bytes = (text: string) => new Blob([text]).size;

const bodyOf = (items: readonly Item[], lost: number) =>
  `{"sentAt":${Date.now()}${lost ? `,"lost":${lost}` : ""},"events":[${items.map((item) => item[1]).join()}]}`;

/** The head of a list that fits in one request: at least one event. */
function head(items: readonly Item[]): readonly Item[] {
  let n = 0;
  let size = 0;
  while (n < items.length && n < EVENTS_MAX) {
    size += bytes(items[n][1]) + 1;
    if (n && size > BYTES_MAX) break;
    n++;
  }
  return items.slice(0, n);
}

/** Brings events to the server: in batches, again when that failed, from the store when it is back. */
export class Delivery {
  private _waiting: Item[] = [];
  private _timer: number | undefined;
  private _flights = new Set<Flight>();
  /** No request before this, by the page's monotonic clock: the server asked for it. */
  private _holdUntil = 0;
  private _draining = false;
  private _warned = false;

  constructor(
    private readonly _page: Window & typeof globalThis,
    private readonly _endpoint: string,
    private readonly _store: Store,
  ) {}

  add(item: Item) {
    this._waiting.push(item);
    if (this._waiting.length >= EVENTS_MAX) this.flush();
    else this.schedule();
  }

  schedule() {
    this._timer = this._timer || this._page.setTimeout(() => this.flush(), WAIT_MS);
  }

  flush() {
    this._page.clearTimeout(this._timer);
    this._timer = 0;
    // A page that nobody has seen yet sends nothing; what it collects leaves when it is shown.
    if ((this._page.document as { prerendering?: boolean }).prerendering) return;
    while (this._waiting.length) {
      const items = head(this._waiting);
      this._waiting = this._waiting.slice(items.length);
      this._deliver(items);
    }
    this.drain();
  }

  /** Sends what the store holds, one request after the other, until one fails. */
  async drain() {
    if (this._draining) return;
    this._draining = true;
    try {
      let last = "";
      let items: readonly Item[];
      do {
        // Only ever onwards: a device that cannot delete must not make us send for ever.
        items = head(this._store.list().filter((item) => item[0] > last));
        if (items.length) last = items[items.length - 1][0];
      } while (items.length && (await this._deliver(items, true)));
    } catch {}
    this._draining = false;
  }

  /** The page goes away: nothing may be left that exists only in its memory. */
  leave() {
    const items = this._waiting;
    this._waiting = [];
    const flying = Array.from(this._flights);
    const all = flying.reduce((sum, flight) => sum.concat(flight._items), items);
    if (!this._online()) return this._store.park(all);
    this._store.copyToTab(all);
    this._beacon(flying.reduce((sum, f) => (f._kept ? sum : sum.concat(f._items)), items));
  }

  private _online() {
    return this._page.navigator.onLine !== false;
  }

  private _beacon(items: readonly Item[]) {
    if (!items.length || this._page.navigator.sendBeacon(this._endpoint, bodyOf(items, 0))) return;
    if (items.length > 1) this._halves(items).forEach((half) => this._beacon(half));
    else this._store.park(items);
  }

  private _halves(items: readonly Item[]) {
    const middle = items.length >> 1;
    return [items.slice(0, middle), items.slice(middle)];
  }

  /** True once the server has answered for all of them, be it with a refusal. */
  private async _deliver(items: readonly Item[], stored?: boolean): Promise<boolean> {
    const flight: Flight = { _items: items };
    if (!stored) this._flights.add(flight);
    try {
      return await this._try(flight, stored);
    } catch {
      return false;
    } finally {
      this._flights.delete(flight);
    }
  }

  private async _try(flight: Flight, stored?: boolean): Promise<boolean> {
    const items = flight._items;
    for (let retry = 0, wait = 0; this._online(); retry++) {
      await this._pause(wait);
      const { _status: status, _retryAfterSecs, _why } = await this._post(flight, stored);
      if (status === 413 && items.length > 1) return this._split(items, stored);
      const refused =
        status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429;
      if (_why && (refused || status === 202)) this._warn(_why);
      if (refused || status === 202) {
        this._store.remove(items);
        if (!refused) this.drain();
        return true;
      }
      if (_retryAfterSecs) {
        this._holdUntil = this._now() + Math.min(_retryAfterSecs, RETRY_AFTER_SECS_MAX) * 1e3;
      }
      if (retry === RETRIES_MAX) break;
      wait = 1e3 * 2 ** retry * (0.75 + Math.random() / 2);
    }
    this._store.park(items);
    return false;
  }

  private async _split(items: readonly Item[], stored?: boolean) {
    const results = this._halves(items).map((half) => this._deliver(half, stored));
    return (await Promise.all(results)).every(Boolean);
  }

  private _now() {
    return this._page.performance.now();
  }

  private _sleep(ms: number) {
    return new Promise<void>((done) => this._page.setTimeout(done, ms));
  }

  private async _pause(ms: number) {
    const until = this._now() + ms;
    for (;;) {
      const left = Math.max(until, this._holdUntil) - this._now();
      if (left <= 0) return;
      // Visitors who were sent away in the same second come back spread over one.
      await this._sleep(left + (left > until - this._now() ? Math.random() * 1e3 : 0));
    }
  }

  /** Never fails: an answer with status 0 stands for none. */
  private async _post(flight: Flight, stored?: boolean): Promise<Answer> {
    const lost = this._store.takeLost();
    const body = bodyOf(flight._items, lost);
    const keepalive = !stored && bytes(body) < KEEPALIVE_BYTES_MAX;
    flight._kept = keepalive && "keepalive" in this._page.Request.prototype;
    const answer = await Promise.race([
      this._fetch(body, keepalive).catch(() => {}),
      this._sleep(ANSWER_MS_MAX),
    ]);
    flight._kept = false;
    if (!answer || answer._status !== 202) this._store.lose(lost);
    return answer || { _status: 0 };
  }

  private async _fetch(body: string, keepalive: boolean): Promise<Answer> {
    const response = await this._page.fetch(this._endpoint, {
      __proto__: null,
      method: "POST",
      headers: { "Content-Type": "text/plain" },
      body,
      keepalive,
      credentials: "omit",
    } as RequestInit);
    const said = (await response.json().catch(() => {})) || {};
    return {
      _status: response.status,
      // A page on another origin can read the header only where the server exposes it.
      _retryAfterSecs: +(response.headers.get("Retry-After") || said.retryAfter) || 0,
      _why: said.error || (said.dropped && said.dropped[0] && said.dropped[0].reason),
    };
  }

  private _warn(why: string) {
    if (!this._warned) console.warn(`weir: ${why}`);
    this._warned = true;
  }
}
