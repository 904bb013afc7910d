import { words } from "./config";
import type { Props } from "./weir";

const CLASSES: [className: string, widthMax: number][] = [
  ["small", 575],
  ["medium", 991],
  ["large", 1439],
];

const KNOWN: Record<string, () => string> = {
  __proto__: null as never,
  screen: () => (CLASSES.find(([, max]) => screen.width <= max) || ["wide"])[0],
  language: () => navigator.language,
  timezone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
};

/** Properties of a page view with those that the site has asked for. */
export function surroundings(props?: Props): Props | undefined {
  const asked = words("with").filter((name) => KNOWN[name]);
  if (!asked.length) return props;
  const found: Props = {};
  for (const name of asked) found[name] = KNOWN[name]();
  return Object.assign(found, props);
}
