import { isOn, words } from "../config";
import { track } from "../events";
import type { Props } from "../weir";

const PROP = "data-weir-prop-";
const OLDER_PROP = /^data-fusionaly-(?:scroll-)?metadata-/;
const TEXT_CHARS_MAX = 100;
const TYPED_INTO = "input,select,textarea,[contenteditable]";

/** Whether the tag names this kind of capture. */
export const isCaptured = (kind: string) => words("capture").some((word) => word === kind || word === "all");

export const attribute = (element: Element, name: string) => own().getAttribute.call(element, name);

// Called on the prototype: a form may have an input with the name `getAttribute`.
const own = () => Element.prototype;

export const isA = (element: Element, selector: string) => own().matches.call(element, selector);

/** The page wants nothing in here to be counted by itself. */
export const isIgnored = (element: Element) => own().closest.call(element, "[data-weir-ignore]");

/** What an element is called where nobody may read what stands in it. */
export const nameOf = (element: Element) =>
  attribute(element, "id") || attribute(element, "name") || undefined;

export function propsOf(element: Element) {
  const props: Props = {};
  for (const name of own().getAttributeNames.call(element)) {
    const own = OLDER ? name.replace(OLDER_PROP, PROP) : name;
    if (own.startsWith(PROP)) props[own.slice(PROP.length)] = attribute(element, name);
  }
  return props;
}

/** The label, if it is asked for: never what somebody may have typed. */
export function textOf(element: Element) {
  const isAsked = attribute(element, "data-weir-text") != null || isOn("text");
  if (!isAsked || element.querySelector(TYPED_INTO) || own().closest.call(element, "[contenteditable]"))
    return;
  const text = element.textContent || attribute(element, "value") || "";
  return text.replace(/\s+/g, " ").trim().slice(0, TEXT_CHARS_MAX) || undefined;
}

/** Fusionaly's mark, and the elements that tell of a click by it; forms tell of being sent, others of being seen. */
export const OLDER_MARK = "[data-fusionaly-event-name]";
export const OLDER_CLICKED = `a${OLDER_MARK},button${OLDER_MARK},input${OLDER_MARK},[role=button]${OLDER_MARK}`;

/** The event that an element names. */
export const markOf = (element: Element) =>
  attribute(element, "data-weir-event") || (OLDER && attribute(element, "data-fusionaly-event-name"));

/** Fusionaly's buttons in a form that is marked say nothing of their own. */
export const isToldByOlderForm = (element: Element) =>
  !attribute(element, "data-weir-event") && own().closest.call(element, `form${OLDER_MARK}`);

/** Sends the event that an element is marked with. */
export function sendMark(element: Element, props?: object) {
  const amount = attribute(element, "data-weir-amount");
  const currency = attribute(element, "data-weir-currency") as string;
  track(markOf(element) as string, Object.assign({}, props, propsOf(element)), {
    revenue: amount ? { amount, currency } : undefined,
    interactive: attribute(element, "data-weir-interactive") === "false" ? false : undefined,
  });
}
