// Addresses to screens. Links are real links; a plain click on one of ours stays in the page.

import { computed, signal } from "@preact/signals";

const here = () => ({ path: location.pathname, search: location.search });
export const place = signal(here());

export function go(to: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  history[options.replace ? "replaceState" : "pushState"](null, "", to);
  place.value = here();
  if (!options.keepScroll) scrollTo(0, 0);
}

export type Route =
  | { screen: "home" | "sites" | "login" | "setup" | "new-site" | "ledger" | "account" | "missing" }
  | { screen: "dashboard" | "install"; domain: string };

const FIXED: Record<string, Route> = {
  "/": { screen: "home" },
  "/sites": { screen: "sites" },
  "/login": { screen: "login" },
  "/setup": { screen: "setup" },
  "/sites/new": { screen: "new-site" },
  "/ledger": { screen: "ledger" },
  "/account": { screen: "account" },
};

export function routeOf(path: string): Route {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  const fixed = FIXED[plain];
  if (fixed) return fixed;
  const match = /^\/([^/]+)(\/install)?$/.exec(plain);
  const domain = match?.[1] && decoded(match[1]);
  if (!domain) return { screen: "missing" };
  return { screen: match?.[2] ? "install" : "dashboard", domain };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export const route = computed(() => routeOf(place.value.path));

/** Where to go after the login: only a path of ours, never another host. */
export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}

export function listenToNavigation(): void {
  addEventListener("popstate", () => {
    place.value = here();
  });
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a");
    if (!link || event.defaultPrevented || event.button !== 0 || link.target || link.hasAttribute("download"))
      return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || /^\/(api|x|y)\//.test(link.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
