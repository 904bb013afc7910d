import { isHeld, refusal } from "./consent";
import { tellAnswered, tellHeld } from "./debug";
import { guard } from "./guard";
import { type Answer, beacon, type Flight, halves, head, NO_ANSWER, post, sleep } from "./request";
import { isVisible } from "./sight";
import { copyToTab, type Item, leftByLastPage, lose, park, parked, remove, unsaved } from "./store";
import { finish } from "./turns";

const WAIT_MS = 200;
const WAITING_MAX = 10;
/** Of a page that is held: a hundred of its own, and what the last page left. */
const HELD_MAX = 200;
const RETRIES_MAX = 3;
const RETRY_AFTER_SECS_MAX = 3600;
const AGAIN_MS = 6e4;

let waiting: Item[] = [];
let timer: unknown;
let againTimer: unknown;
/** No request before this, by the page's monotonic clock: the server asked for it. */
let holdUntil = 0;
let draining = false;
let warned = false;
const flights = new Set<Flight>();

/** Takes up what earlier pages could not bring to an end, as soon as the device is open. */
export function takeUp() {
  const why = refusal();
  if (why) {
    if (FULL) for (const item of waiting) tellHeld(JSON.parse(item[1]), why);
    forget();
    return;
  }
  inherit();
  drain();
}

export function flush() {
  finish();
  clearTimeout(timer as number);
  timer = 0;
  if (isHeld()) return;
  while (waiting[0]) {
    const items = head(waiting);
    waiting = waiting.slice(items.length);
    deliver(items).catch(() => {});
  }
}

/**
 * Takes an event: it leaves with the batch that is complete or old enough first. A page out of sight does not
 * wait: it may never run again, and where the script came after the page was left, no `pagehide` follows.
 */
export function send(item: Item) {
  // Consent may be asked for all day long; what is prerendered is soon shown or thrown away.
  if (!FULL || waiting.length < HELD_MAX) waiting.push(item);
  else lose(1);
  if (waiting.length >= WAITING_MAX) flush();
  else
    timer = timer || (isVisible() ? setTimeout(guard(flush), WAIT_MS) : Promise.resolve().then(guard(hide)));
}

/** Sends what is parked, one request after the other, until one fails. */
export async function drain() {
  if (draining || isHeld()) return;
  draining = true;
  try {
    let last = "";
    let items: readonly Item[];
    do {
      // Only ever onwards: a device that cannot delete must not make us send for ever.
      items = head(parked().filter((item) => item[0] > last));
      for (const [id] of items) last = id;
    } while (items[0] && (await deliver(items, true)));
  } catch {}
  draining = false;
}

/** Lets go of everything that is not under way yet. */
export function forget() {
  waiting = [];
  flights.clear();
  remove(leftByLastPage().concat(parked()));
}

/** Takes over what the tab's last page left: it goes with this page's first batch. */
export const inherit = () => leftByLastPage().forEach(send);

/** The page is out of sight and may be discarded without a word. */
export function hide() {
  flush();
  // Of a page that has only been prerendered nothing is under way.
  if (!FULL || !isHeld()) copyToTab(flying(() => true));
}

/** The page goes away: nothing may be left that exists only in its memory. */
export function leave() {
  finish();
  if (isHeld()) return;
  const rest = waiting.concat(
    unsaved(),
    flying((flight) => !flight._outlivesPage),
  );
  const all = rest.concat(flying((flight) => flight._outlivesPage));
  waiting = [];
  if (navigator.onLine) {
    copyToTab(all);
    // Of a closed tab the copy goes, too: what has failed once does not hang on a beacon alone.
    park(beacon(rest).concat(flying((flight) => flight._failed)));
  } else park(all);
}

const flying = (which: (flight: Flight) => unknown) =>
  ([] as Item[]).concat(...[...flights].filter(which).map((flight) => flight._items));

/** Some refusals are of the moment, and not of the events. */
const isFinal = (status: number) => /^(202|4(?!08|25|29)..)$/.test(`${status}`);

/** True once the server has answered for every event, be it with a refusal. */
async function deliver(items: readonly Item[], isStored?: boolean): Promise<boolean> {
  const flight: Flight = { _items: items };
  if (!isStored) flights.add(flight);
  const { _status, _why } = await tryFor(flight, isStored);
  flights.delete(flight);
  if (FULL && !_status) tellAnswered(items, NO_ANSWER).catch(() => {});
  if (!isFinal(_status)) {
    park(items);
    // The page may stay open long after the server is back.
    againTimer =
      againTimer ||
      setTimeout(() => {
        againTimer = 0;
        drain();
      }, AGAIN_MS);
    return false;
  }
  if (_status === 413 && items[1]) {
    const answered = await Promise.all(halves(items).map((half) => deliver(half, isStored)));
    return answered.every(Boolean);
  }
  remove(items);
  if (_status === 202) drain();
  if (!warned && (_why || _status !== 202)) {
    warned = true;
    console.warn("weir:", _status, _why || "");
  }
  return true;
}

/** The last answer: a final one, or that of the last retry. */
async function tryFor(flight: Flight, isStored?: boolean): Promise<Answer> {
  let answer = NO_ANSWER;
  for (let retry = 0; retry <= RETRIES_MAX && navigator.onLine && !isFinal(answer._status); retry++) {
    const until = performance.now() + (retry && 500 * 2 ** retry * (0.75 + Math.random() / 2));
    while (msLeft(until) > 0) await sleep(msLeft(until));
    if (refusal()) break;
    answer = await post(flight, isStored);
    flight._failed = !isFinal(answer._status);
    if (FULL && answer._status) tellAnswered(flight._items, answer).catch(() => {});
    const held = Math.min(answer._retryAfterSecs, RETRY_AFTER_SECS_MAX) * 1e3;
    holdUntil = Math.max(holdUntil, performance.now() + held);
  }
  return answer;
}

/** How long to wait yet for a moment of our own choice, and for the one that the server asked for. */
function msLeft(until: number) {
  const now = performance.now();
  // Visitors who were sent away in the same second come back spread over one.
  return holdUntil > Math.max(now, until) ? holdUntil - now + Math.random() * 1e3 : until - now;
}
