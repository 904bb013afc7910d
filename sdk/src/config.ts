/** What the script tag says. Every option is a `data-*` attribute, so a page needs no inline script. */
export interface Config {
  /** Where events go. */
  readonly endpoint: string;
  /** The site routes by `#...`: the fragment is a part of the page's path. */
  readonly hash: boolean;
  /** Nothing is written to the device. */
  readonly noStorage: boolean;
  /** `navigator.doNotTrack` is respected. */
  readonly dnt: boolean;
  /** `navigator.globalPrivacyControl` is respected. */
  readonly gpc: boolean;
  /** Page views are sent without a call. */
  readonly auto: boolean;
}

const EVENTS_PATH = "/x/api/v1/events";

/** `undefined` where the tag cannot be found (a module script, say): then there is no address to send to. */
export function readConfig(page: Document): Config | undefined {
  const tag = (page.currentScript ||
    page.querySelector('script[src*="/y/api/v1/sdk.js"]')) as HTMLScriptElement | null;
  if (!tag) return;
  const get = (name: string) => tag.getAttribute(`data-${name}`);
  return {
    endpoint: get("endpoint") || new URL(EVENTS_PATH, tag.src).href,
    hash: get("hash") != null && get("hash") !== "false",
    noStorage: get("storage") === "none",
    dnt: get("dnt") !== "false",
    gpc: get("gpc") === "true",
    auto: get("auto") !== "false",
  };
}
