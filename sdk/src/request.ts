import { endpoint, isOneByOne } from "./config";
import { type Item, isDebugged, lose, takeLost } from "./store";

const EVENTS_MAX = 10;
const BYTES_MAX = 32768;
const KEEPALIVE_BYTES_MAX = 16384;
const ANSWER_MS_MAX = 15e3;

/** What the server said. Status 0: nothing. */
export interface Answer {
  _status: number;
  _retryAfterSecs: number;
  _why?: string;
}

/** One batch, from its first try until it is answered for good or parked. */
export interface Flight {
  _items: readonly Item[];
  /** The browser will finish the request even if the page goes. */
  _outlivesPage?: boolean;
  /** A try has failed: the next one may as well. */
  _failed?: boolean;
}

export const NO_ANSWER: Answer = { _status: 0, _retryAfterSecs: 0 };

export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

const bytes = (text: string) => new TextEncoder().encode(text).length;

const bodyOf = (items: readonly Item[], lost: number) =>
  (OLDER && isOneByOne() && bodyOfOne(items[0])) ||
  `{"sentAt":${Date.now()}${lost ? `,"lost":${lost}` : ""}${isDebugged() ? `,"debug":true` : ""},"events":[${items.map((item) => item[1])}]}`;

/** As Fusionaly's script says it; with an id, by which a resend is recognised. */
function bodyOfOne([id, json]: Item) {
  const { type, timestamp, url, referrer, name, props } = JSON.parse(json);
  // Of a page before, whose configuration said otherwise.
  if (type === "engagement") return;
  return JSON.stringify({
    id,
    url,
    referrer,
    timestamp: new Date(timestamp).toISOString(),
    userId: null,
    eventType: type === "pageview" ? 1 : 2,
    eventKey: name,
    eventMetadata: props,
    userAgent: navigator.userAgent,
    // Without a word of it, the server keeps no verdict to ask for.
    debug: isDebugged() || undefined,
  });
}

/** The beginning of a list that fits in one request: at least one event. */
export function head(items: readonly Item[]): readonly Item[] {
  let size = 0;
  return items.slice(0, OLDER && isOneByOne() ? 1 : EVENTS_MAX).filter(([, json], n) => {
    size += bytes(json);
    return !n || size <= BYTES_MAX;
  });
}

export const halves = (items: readonly Item[]) => [
  items.slice(0, items.length >> 1),
  items.slice(items.length >> 1),
];

/** Hands events to the browser as the page goes; those that it will not take are given back. */
export function beacon(items: readonly Item[]): readonly Item[] {
  if (!items[0]) return [];
  if (!(OLDER && items[1] && isOneByOne()) && navigator.sendBeacon(endpoint as string, bodyOf(items, 0)))
    return [];
  if (!items[1]) return items;
  return ([] as Item[]).concat(...halves(items).map(beacon));
}

async function ask(body: string, keepalive: boolean): Promise<Answer> {
  const response = await fetch(
    endpoint as string,
    {
      // What a page put on Object.prototype is no option of ours.
      __proto__: null,
      method: "POST",
      // A plain text needs no preflight.
      headers: { "Content-Type": "text/plain" },
      body,
      keepalive,
      credentials: "omit",
    } as RequestInit,
  );
  const said = (await response.json().catch(() => {})) || {};
  return {
    _status: response.status,
    // A page on another origin can read the header only where the server exposes it.
    _retryAfterSecs: +(response.headers.get("Retry-After") as string) || +said.retryAfter || 0,
    _why: said.error || (said.dropped && said.dropped[0] && said.dropped[0].reason),
  };
}

/** Makes one request. */
export async function post(flight: Flight, plain: boolean | undefined): Promise<Answer> {
  const lost = OLDER && isOneByOne() ? 0 : takeLost();
  const body = bodyOf(flight._items, lost);
  const keepalive = !plain && bytes(body) < KEEPALIVE_BYTES_MAX;
  flight._outlivesPage = keepalive && "keepalive" in Request.prototype;
  const answer = await Promise.race([ask(body, keepalive).catch(() => {}), sleep(ANSWER_MS_MAX)]);
  flight._outlivesPage = false;
  if (!answer || answer._status !== 202) lose(lost);
  return answer || NO_ANSWER;
}
