import { isOn, words } from "../config";
import { track } from "../events";
import type { Props } from "../weir";

const PROP = "data-weir-prop-";
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
    if (name.startsWith(PROP)) props[name.slice(PROP.length)] = attribute(element, name);
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

/** Sends the event that an element is marked with. */
export function sendMark(element: Element, props?: object) {
  const amount = attribute(element, "data-weir-amount");
  const currency = attribute(element, "data-weir-currency") as string;
  track(attribute(element, "data-weir-event") as string, Object.assign({}, props, propsOf(element)), {
    revenue: amount ? { amount, currency } : undefined,
    interactive: attribute(element, "data-weir-interactive") === "false" ? false : undefined,
  });
}
