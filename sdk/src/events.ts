import { refused, routesByHash } from "./config";
import { send } from "./delivery";
import { newId } from "./ids";
import type { Props, TrackOptions } from "./weir";

const ENGAGED_MS_MIN = 1e3;
const ENGAGED_MS_MAX = 144e5;
const URL_BYTES_MAX = 4096;

/** The path of the last page view. */
let viewed: string | undefined;
/** Never, while the page is hidden: it may also open in the background. */
let visibleSince = Number.POSITIVE_INFINITY;

const pathNow = () => location.pathname + (routesByHash ? location.hash : "");

/** The fragment may carry a secret, and counts only where the site routes by it. */
function urlNow() {
  const url = routesByHash ? location.href : location.href.split("#")[0];
  return url.length > URL_BYTES_MAX ? location.origin + location.pathname : url;
}

function add(type: string, fields: object) {
  if (refused()) return;
  const id = newId();
  const event = {
    id,
    type,
    timestamp: Date.now(),
    url: urlNow(),
    hash: routesByHash || undefined,
    webdriver: navigator.webdriver || undefined,
    ...fields,
  };
  send([id, JSON.stringify(event)]);
}

export function track(name: string, props?: Props, options?: TrackOptions) {
  const { revenue, interactive } = options || ({} as TrackOptions);
  add("event", { name: `${name}`, props, revenue, interactive });
}

export function view() {
  // Later views come from the site itself: to repeat the referrer would count one arrival many times. To
  // name the site lets a view just after midnight be told from an arrival.
  const referrer = viewed ? location.origin : document.referrer.split(/[?#]/)[0];
  viewed = pathNow();
  add("pageview", { referrer: referrer || undefined });
}

export function viewIfMoved() {
  if (viewed !== pathNow()) view();
}

/** Someone looks at the page from now on, or no longer. */
export function look(isVisible: boolean) {
  const now = performance.now();
  const engaged = Math.round(now - visibleSince);
  visibleSince = isVisible ? now : Number.POSITIVE_INFINITY;
  if (!isVisible && viewed && engaged >= ENGAGED_MS_MIN) {
    add("engagement", { engaged: Math.min(engaged, ENGAGED_MS_MAX) });
  }
}
