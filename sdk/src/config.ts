import type { Options } from "./weir";

/**
 * What the site has chosen. Every option is a `data-*` attribute of the script tag, so that a page needs no
 * inline script, or a member of the options that a program gives.
 */
let tag: HTMLScriptElement | null;
let given: Record<string, unknown>;

/** Where events go: to the server that the script came from, unless told otherwise. */
export let endpoint: string;
/** The site routes by `#...`: the fragment is a part of the page's path. */
export let routesByHash: boolean;
/** What the tracker is called on the page and on the device. */
export let trackerName = "weir";

/** The core script knows its tag only, and a module only what it is given. */
export function option(name: string) {
  if ((FULL || !SCRIPT) && name in given) return given[name];
  return SCRIPT && tag ? tag.getAttribute(`data-${name}`) : undefined;
}

/** Whether an option is there, and not `false`. */
export function isOn(name: string, byDefault?: boolean) {
  const value = option(name);
  return value == null ? byDefault : `${value}` !== "false";
}

/** An option that is a list. */
export const words = (name: string) => `${option(name) || ""}`.split(/[\s,]+/).filter(Boolean);

export function configure(script: HTMLScriptElement | null, options?: Options) {
  if (SCRIPT) tag = script;
  // What a page put on Object.prototype is no option.
  if (FULL || !SCRIPT) given = Object.assign(Object.create(null), options);
  if (FULL && SCRIPT && tag) {
    // Plausible's script says in its name what ours is told by attributes.
    if (/\/js\/\S*\.manual\./.test(tag.src)) given.auto = false;
    if (/\/js\/\S*\.hash\./.test(tag.src)) given.hash = true;
  }
  if (FULL) trackerName = `${option("name") || trackerName}`;
  routesByHash = !!isOn("hash");
  endpoint = `${option("endpoint") || ""}`;
  if (SCRIPT && !endpoint && tag && tag.src) endpoint = new URL("/x/api/v1/events", tag.src).href;
}
