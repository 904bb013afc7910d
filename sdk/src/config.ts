/**
 * What the script tag says. Every option is a `data-*` attribute, so that a page needs no inline script.
 * A tag that cannot be found (a module script, say) leaves no address to send to: nothing is tracked.
 */
const tag = (document.currentScript ||
  document.querySelector('script[src*="/y/api/v1/sdk.js"]')) as HTMLScriptElement | null;

const option = (name: string) => tag && tag.getAttribute(`data-${name}`);

/** Where events go: to the server that the script came from, unless told otherwise. */
export const endpoint = option("endpoint") || (tag && tag.src && new URL("/x/api/v1/events", tag.src).href);

/** The site routes by `#...`: the fragment is a part of the page's path. */
export const routesByHash = option("hash") === "true" || option("hash") === "";

/** Nothing is written to the device. */
export const noStorage = option("storage") === "none";

/** Page views are sent without a call. */
export const automatic = option("auto") !== "false";

const respectsDnt = option("dnt") !== "false";
const respectsGpc = option("gpc") === "true";

/** The visitor has said no. Looked up for every event, so that it holds from that moment on. */
export function refused() {
  try {
    if (/^(1|true)$/.test(localStorage.weir_ignore)) return true;
  } catch {}
  return (
    (respectsDnt && navigator.doNotTrack === "1") ||
    (respectsGpc && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl)
  );
}

/** A prerendered page that nobody has seen sends nothing; what it collects leaves when it is shown. */
export const isUnseen = () => (document as { prerendering?: boolean }).prerendering;

export const isVisible = () => document.visibilityState === "visible";
