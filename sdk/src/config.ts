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
/** What a page has set for Fusionaly's script, and what it would find there unset. */
export const olderConfig: Record<string, unknown> = {
  eventTypes: { pageView: 1, customEvent: 2 },
  scrollDepthThresholds: [25, 50, 75, 100],
  scrollDepthEventKey: "scroll:depth",
  scrollSectionEventKey: "scroll:section",
  scrollSectionThreshold: 0.5,
};

/** The server is told of one event at a time, in the form that it has for that. */
export const isOneByOne = () => Number(olderConfig.maxBatchSize) === 1;

/** What the tracker is called on the page and on the device. */
export let trackerName = "weir";

/** The core script knows its tag only, and a module only what it is given. */
export function option(name: string) {
  if ((FULL || !SCRIPT) && name in given) return given[name];
  return SCRIPT ? tag && tag.getAttribute(`data-${name}`) : undefined;
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
  if (OLDER) heedFusionaly();
  if (FULL) trackerName = `${option("name") || trackerName}`;
  routesByHash = !!isOn("hash");
  endpoint = `${option("endpoint") || (SCRIPT ? besideScript() : "")}`;
}

/** Throws where there is no tag or no address on it, and so ends what nothing could be sent from. */
const besideScript = () => new URL("/x/api/v1/events", (tag as HTMLScriptElement).src).href;

function heedFusionaly() {
  const { config } = (window as { Fusionaly?: { config?: object } }).Fusionaly || ({} as { config?: object });
  Object.assign(olderConfig, config);
  const { host, autoSendPageViews, respectDoNotTrack, autoInstrumentButtons } = olderConfig;
  if (host) given.endpoint = new URL("/x/api/v1/events", `${host}`).href;
  if (autoSendPageViews === false) given.auto = false;
  if (respectDoNotTrack === false) given.dnt = false;
  // Unset, it does not say that somebody wants the texts of buttons, which can be personal.
  if (autoInstrumentButtons === true) {
    given.capture = `${option("capture") || ""} clicks`;
    given.text = true;
  }
}
