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

export const NO_ANSWER: Answer = { _status: 0, _retryAfterSecs: 0 };

export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

const bytes = (text: string) => new TextEncoder().encode(text).length;

const bodyOf = (items: readonly Item[], lost: number) =>
  OLDER && isOneByOne()
    ? bodyOfOne(items[0])
    : `{"sentAt":${Date.now()}${lost ? `,"lost":${lost}` : ""}${isDebugged() ? `,"debug":true` : ""},"events":[${items.map((item) => item[1])}]}`;

/** As Fusionaly's script says it; with an id, by which a resend is recognised. */
function bodyOfOne([id, json]: Item) {
  const { type, timestamp, url, referrer, name, props } = JSON.parse(json);
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
  let n = 0;
  let size = 0;
  while (n < items.length && n < (OLDER && isOneByOne() ? 1 : EVENTS_MAX)) {
    size += bytes(items[n][1]);
    if (n && size > BYTES_MAX) break;
    n++;
  }
  return items.slice(0, n);
}

export function halves(items: readonly Item[]) {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}

/** Hands events to the browser as the page goes; those that it will not take are given back. */
export function beacon(items: readonly Item[]): readonly Item[] {
  if (!items.length) return [];
  if (!(OLDER && items[1] && isOneByOne()) && navigator.sendBeacon(endpoint as string, bodyOf(items, 0)))
    return [];
  if (!items[1]) return items;
  const [first, second] = halves(items);
  return beacon(first).concat(beacon(second));
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

/** Makes one request. `begun` hears whether the browser will finish it even if the page goes. */
export async function post(
  items: readonly Item[],
  plain: boolean | undefined,
  begun: (outlivesPage: boolean) => void,
): Promise<Answer> {
  const lost = OLDER && isOneByOne() ? 0 : takeLost();
  const body = bodyOf(items, lost);
  const keepalive = !plain && bytes(body) < KEEPALIVE_BYTES_MAX;
  begun(keepalive && "keepalive" in Request.prototype);
  const answer = await Promise.race([ask(body, keepalive).catch(() => {}), sleep(ANSWER_MS_MAX)]);
  begun(false);
  if (!answer || answer._status !== 202) lose(lost);
  return answer || NO_ANSWER;
}
