// Addresses to screens. Links are real links; a plain click on one of ours stays in the page.

import { computed, signal } from "@preact/signals";
import { routeOf } from "./routes";

const here = () => ({ path: location.pathname, search: location.search });
export const place = signal(here());

export function go(to: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  history[options.replace ? "replaceState" : "pushState"](null, "", to);
  place.value = here();
  if (!options.keepScroll) scrollTo(0, 0);
}

export const route = computed(() => routeOf(place.value.path));

export function listenToNavigation(): void {
  addEventListener("popstate", () => {
    place.value = here();
  });
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0 || link.target || link.hash) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || /^\/(api|x|y)\//.test(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
