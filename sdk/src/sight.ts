/** Nobody has looked at the page yet: it was prerendered, or opened in the background. */
let unseen = true;

export const isVisible = () => !document.hidden;

/** The browser loads ahead, maybe for nothing: as long as this holds, there is no visit. */
export const isPrerendered = () => (document as { prerendering?: boolean }).prerendering;

/**
 * Chromium calls some pages hidden for ever that it shows: to go back while the next page has only just come
 * is enough. No page in the background has the focus.
 */
export function isUnseen() {
  // A script that comes late may find a page that was seen, and is left already: the browser has noted it.
  unseen = unseen && document.hidden && !document.hasFocus() && !performance.getEntriesByName("visible")[0];
  return unseen;
}
