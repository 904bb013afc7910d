import { attribute, nameOf, OLDER_CLICKED, OLDER_MARK, propsOf } from "./capture/element";
import { isOneByOne, olderConfig } from "./config";
import { track, page as view } from "./events";
import { guard } from "./guard";
import { onScroll } from "./listen";
import type { Props, TrackOptions } from "./weir";

type Data = Record<string, unknown>;

interface Scroll {
  eventName?: string | null;
  metadata?: Data;
  once?: boolean;
  section?: string | null;
  threshold?: unknown;
  useEventNameDirectly?: boolean;
}

const SECTION = "[data-fusionaly-scroll-section],[data-fusionaly-track-scroll]";
const SLUG_CHARS_MAX = 50;

/** Most of what older pages give is optional, and some give `null`. */
const orNone = (data?: Scroll | Data | null) => Object.assign(Object.create(null), data);

/** Our properties are flat, and an older page's may not be. */
function flat(data?: Data) {
  const props = orNone(data);
  for (const key in props) {
    if (typeof props[key] === "object" && props[key]) props[key] = JSON.stringify(props[key]);
  }
  return props as Props;
}

const tell = (key: string, data?: Data) => track(key, flat(data), { interactive: false });

/** `price` is in the currency's smallest unit, of which not every currency has a hundred. */
function registerPurchase(price: number, currency = "USD", metadata?: Data) {
  if (!(price > 0)) return;
  const props = Object.assign({ price, currency, quantity: 1 }, metadata);
  // An event that goes alone has no place for an amount: the server reads it from these properties.
  const revenue = isOneByOne() ? undefined : amountOf(props.price * props.quantity, props.currency);
  track("revenue:purchased", flat(props), { revenue });
}

function amountOf(minor: number, currency: string): TrackOptions["revenue"] {
  const { maximumFractionDigits: digits } = new Intl.NumberFormat("en", {
    style: "currency",
    currency,
  }).resolvedOptions() as { maximumFractionDigits: number };
  return { amount: (minor / 10 ** digits).toFixed(digits), currency };
}

/** A share may be given as one or in percent. */
const percent = (share: unknown) => (Number(share) > 1 ? Number(share) : 100 * Number(share));

function trackScrollDepth(thresholds?: unknown, options?: Scroll) {
  const { eventName, metadata, once = true } = orNone(options);
  const key = eventName || olderConfig.scrollDepthEventKey;
  const marks = `${thresholds || olderConfig.scrollDepthThresholds}`.split(/[\s,]+/).map(percent);
  let reached = 0;
  let ended = false;
  const look = guard(() => {
    if (ended) return;
    const { scrollTop, scrollHeight } = document.scrollingElement || document.documentElement;
    // A fraction of a pixel is missing at the end of many pages.
    const depth = (100 * (scrollTop + innerHeight + 1)) / scrollHeight;
    for (const mark of marks) {
      const percentage = Math.round(100 * mark) / 100;
      if (mark > reached && mark <= depth)
        tell(`${key}:${percentage}`, Object.assign({ percentage }, metadata));
    }
    reached = once ? Math.max(reached, depth) : depth;
  });
  onScroll(look);
  look();
  return () => {
    ended = true;
  };
}

function slugOf(text: string) {
  const slug = text
    .toLowerCase()
    .replace(/[\s.]+/g, "_")
    .replace(/[^a-z0-9_:]/g, "");
  return slug.slice(0, SLUG_CHARS_MAX) || "value";
}

function trackScrollSection(target: Element | string, options?: Scroll) {
  const {
    eventName,
    metadata,
    once = true,
    threshold,
    useEventNameDirectly,
    section: given,
  } = orNone(options);
  const element = typeof target === "string" ? document.querySelector(target) : target;
  if (!element || !window.IntersectionObserver) return () => {};
  const section = given || nameOf(element) || "";
  const name = eventName || olderConfig.scrollSectionEventKey;
  const key = useEventNameDirectly ? name : `${name}:${slugOf(section)}`;
  const share = percent(threshold || olderConfig.scrollSectionThreshold) / 100;
  const look = guard(([entry]: IntersectionObserverEntry[]) => {
    if (!entry.isIntersecting) return;
    if (once) observer.disconnect();
    tell(key, Object.assign({ section: section || undefined }, metadata));
  });
  const within = { __proto__: null, threshold: Math.min(Math.max(share, 0.01), 1) };
  const observer = new IntersectionObserver(look, within as object);
  observer.observe(element);
  return () => observer.disconnect();
}

const scanned = new WeakSet<Element>();

/** Begins to look for what attributes mark, each element once. */
export function scanFusionaly() {
  const fresh = (selector: string) =>
    Array.from(document.querySelectorAll(selector)).filter((element) => !scanned.has(element));
  for (const element of fresh(SECTION)) {
    scanned.add(element);
    trackScrollSection(element, {
      section: attribute(element, "data-fusionaly-scroll-section"),
      eventName: attribute(element, "data-fusionaly-scroll-event"),
      threshold: attribute(element, "data-fusionaly-scroll-threshold"),
      metadata: propsOf(element),
    });
  }
  for (const element of fresh(`${OLDER_MARK}:not(form,${OLDER_CLICKED})`)) {
    scanned.add(element);
    const eventName = attribute(element, "data-fusionaly-event-name");
    trackScrollSection(element, { eventName, useEventNameDirectly: true, metadata: propsOf(element) });
  }
}

/** Pages that were written for Fusionaly call that name. What a page has put there itself is left as it is. */
export function answerFusionaly() {
  const page = window as { Fusionaly?: { config?: object } };
  const own = page.Fusionaly || {};
  const answered: { userId: unknown } & Data = {
    sendPageView: guard(() => view()),
    sendCustomEvent: guard((key: string, data?: Data) => track(key, flat(data))),
    setUser(user?: Data | null) {
      answered.userId = orNone(user).userId;
    },
    registerPurchase: guard(registerPurchase),
    trackScrollDepth,
    trackScrollSection,
    setupScrollTrackingFromAttributes: guard(scanFusionaly),
    userId: null,
  };
  page.Fusionaly = Object.assign(answered, own, { config: olderConfig });
}
