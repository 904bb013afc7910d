/** Nobody has looked at the page yet: it was prerendered, or opened in the background. */
let unseen = true;

export const isVisible = () => !document.hidden;

export function isUnseen() {
  unseen = unseen && !isVisible();
  return unseen;
}

/** A script that comes late may find a page that was seen, and is left already: the browser has noted it. */
export function lookBack() {
  unseen = !performance.getEntriesByName("visible")[0];
}
