import { afterView, track, viewed } from "../events";
import { scanFusionaly } from "../fusionaly";
import { guard } from "../guard";
import { on } from "../listen";
import { isUnseen } from "../sight";
import { attribute, isCaptured, nameOf, propsOf } from "./element";

const SECTION = "[data-weir-section]";
const NOT_FOUND = "[data-weir-404]";
const SCAN_MS = 250;
const SHARE_SEEN = 0.5;
/** Told of at every twentieth: half of the window may be less than half of a tall section. */
const SHARES = Array.from({ length: 21 }, (_, n) => n / 20);

let timer: unknown;
/** Sections under observation in this view, seen or not. */
let watched = new WeakSet<Element>();
const told = new WeakSet<Element>();
let observer: IntersectionObserver | undefined;
let isFirst = true;
let isNotFound: boolean;

/** Marks that need no click: sections, and pages that say that they were not found. Also those added later. */
export function captureMarks() {
  if (window.IntersectionObserver) {
    observer = new IntersectionObserver(guard(look), { __proto__: null, threshold: SHARES } as object);
  }
  afterView.push(begin);
  // The first view was before.
  if (viewed) begin();
  on("visibilitychange focus", later);
  const changes = { __proto__: null, childList: true, subtree: true, attributeFilter: names() };
  new MutationObserver(later).observe(document, changes);
}

/** A view begins with nothing seen. Its address was asked of the server for the first one only. */
function begin() {
  isNotFound = false;
  if (isFirst && isCaptured("404") && serverSays404()) tell404();
  isFirst = false;
  if (observer) observer.disconnect();
  watched = new WeakSet();
  later();
}

const names = () => [SECTION, NOT_FOUND].map((selector) => selector.slice(1, -1));

/** However much a page changes, it is looked through four times a second at most. */
function later() {
  timer = timer || setTimeout(guard(scan), SCAN_MS);
}

function scan() {
  timer = 0;
  if (isUnseen()) return;
  for (const section of Array.from(document.querySelectorAll(SECTION))) {
    if (!observer || watched.has(section)) continue;
    watched.add(section);
    observer.observe(section);
  }
  if (OLDER) scanFusionaly();
  const mark = document.querySelector(NOT_FOUND);
  if (mark && !told.has(mark)) {
    told.add(mark);
    tell404();
  }
}

function look(entries: IntersectionObserverEntry[]) {
  for (const { target, isIntersecting, intersectionRatio, intersectionRect, rootBounds } of entries) {
    const share = Number(attribute(target, "data-weir-share")) || SHARE_SEEN;
    const windowHeight = rootBounds ? rootBounds.height : innerHeight;
    const isEnough = intersectionRatio >= share || intersectionRect.height >= share * windowHeight;
    if (!isIntersecting || !isEnough) continue;
    (observer as IntersectionObserver).unobserve(target);
    const section = attribute(target, "data-weir-section") || nameOf(target);
    track("section", Object.assign({ section }, propsOf(target)), { interactive: false });
  }
}

/** The server's answer and the page's own mark may both say so. */
function tell404() {
  if (!isNotFound) track("404", undefined, { interactive: false });
  isNotFound = true;
}

function serverSays404() {
  const [load] = performance.getEntriesByType("navigation") as { responseStatus?: number }[];
  return load && load.responseStatus === 404;
}
