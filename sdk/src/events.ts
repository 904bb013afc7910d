import { isOn, isOneByOne, option, routesByHash } from "./config";
import { awaitsConsent, refusal } from "./consent";
import { surroundings } from "./context";
import { tellHeld } from "./debug";
import { send } from "./delivery";
import { newId } from "./ids";
import { isUnseen, isVisible } from "./sight";
import type { Props, SentEvent, TrackOptions } from "./weir";

const IDLE_MS = 6e4;
const ENGAGED_MS_MIN = 1e3;
const URL_BYTES_MAX = 4096;

/** Path and address of the last page view. */
export let viewed: string | undefined;
let viewedUrl: string;
/** Engaged time that was not reported yet, and up to when it is counted. */
let engaged = 0;
let countedUpTo = 0;
/** When it ends if nobody moves any more. */
let idleFrom = 0;

/** Runs after every page view: what is captured once a page begins anew. */
export const afterView: (() => void)[] = [];

const pathNow = () => location.pathname + (routesByHash ? location.hash : "");

/** The fragment may carry a secret, and counts only where the site routes by it. */
function urlNow() {
  // No address has a space in it.
  const url = location.href.split(routesByHash ? " " : "#")[0];
  return url.length > URL_BYTES_MAX ? location.origin + location.pathname : url;
}

/** The site's own hook may change an event or drop it. One that throws has dropped it. */
function edited(event: SentEvent) {
  const hook = option("beforeSend") || window[option("before-send") as keyof Window];
  return typeof hook === "function" ? hook(event) : event;
}

function add(type: SentEvent["type"], fields: Partial<SentEvent>) {
  const why = refusal();
  if (why) {
    if (FULL) tellHeld({ type, url: urlNow(), ...fields }, why);
    return;
  }
  const id = newId();
  const made: SentEvent = {
    id,
    type,
    timestamp: Date.now(),
    url: urlNow(),
    hash: routesByHash || undefined,
    webdriver: navigator.webdriver || undefined,
    ...fields,
  };
  if (!FULL) return send([id, JSON.stringify(made)]);
  let json: string | undefined;
  try {
    const event = edited(made);
    // A hook may return anything.
    json = event && event.id && JSON.stringify(event);
  } finally {
    if (!json) tellHeld(made, "before-send dropped it, or it has no JSON");
  }
  if (!json) return;
  if (awaitsConsent()) tellHeld(made, "consent");
  send([id, json]);
}

export function track(name: string, props?: Props, options?: TrackOptions) {
  viewIfMoved();
  // What a page put on Object.prototype is no option, and no name is an empty one, which is refused aloud.
  const { revenue, interactive } = { __proto__: null, ...options } as TrackOptions;
  add("event", { name: `${[name]}`, props, revenue, interactive });
}

export function page(props?: Props) {
  viewIfMoved();
  view(props);
}

export function view(props?: Props) {
  reportEngaged();
  engaged = 0;
  // Later views come from the site itself: to repeat the referrer would count one arrival many times. To
  // name the site lets a view just after midnight be told from an arrival.
  const referrer = viewed ? location.origin : document.referrer.split(/[?#]/)[0];
  viewed = pathNow();
  viewedUrl = urlNow();
  add("pageview", { referrer: referrer || undefined, props: FULL ? surroundings(props) : props });
  if (FULL) for (const begin of afterView) begin();
}

/** A view by itself, if the site wants any. The first is due before anything else that is told. */
export function viewIfMoved() {
  if (isOn("auto", true) && !isUnseen() && viewed !== pathNow()) view();
}

/** Somebody is there: a page in sight counts for another minute. */
export function stir() {
  const now = performance.now();
  engaged += Math.max(0, Math.min(now, idleFrom) - countedUpTo);
  countedUpTo = now;
  idleFrom = isVisible() ? now + IDLE_MS : 0;
}

/** Tells of the engaged time since the last report, if it is worth it. */
export function reportEngaged() {
  stir();
  if (viewed && engaged >= ENGAGED_MS_MIN && !(OLDER && isOneByOne())) {
    add("engagement", { url: viewedUrl, engaged: engaged | 0 });
    engaged = 0;
  }
}
