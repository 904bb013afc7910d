import { automatic, endpoint, isUnseen, isVisible, refused } from "./config";
import { drain, flush, hide, inherit, leave } from "./delivery";
import { look, track, view, viewIfMoved } from "./events";
import { guard } from "./guard";
import { leftByLastPage, parked, remove } from "./store";
import type { EarlyCall, Weir } from "./weir";

const on = (target: EventTarget, type: string, work: (event: Event) => unknown) =>
  target.addEventListener(type, guard(work));

/** Leaving and coming back. `pagehide` alone misses a phone's switch to another app, maybe for good. */
function followVisibility() {
  on(document, "visibilitychange", () => {
    look(isVisible());
    // Also when it becomes visible: what a prerendered page collected may go.
    hide();
  });
  on(window, "pagehide", () => {
    look(false);
    leave();
  });
  look(isVisible());
}

/** A view for every page shown: loaded, moved to by script, or brought back from the browser's cache. */
function followPages() {
  const moved = guard(viewIfMoved);
  if (isUnseen()) on(document, "prerenderingchange", moved);
  else moved();
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      moved();
    };
  }
  on(window, "popstate", moved);
  on(window, "hashchange", moved);
  on(window, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) view();
  });
}

function install(early?: { q?: unknown; flush?: unknown }) {
  // The tag is there twice, or cannot be found.
  if (!endpoint || (early && early.flush)) return;
  const api: Weir = { track: guard(track), page: guard(view), flush: guard(flush) };
  const call = guard(([name, ...args]: EarlyCall) => (api[name] as (...args: unknown[]) => void)(...args));
  window.weir = Object.assign(api, { q: { push: call } });
  if (refused()) remove(leftByLastPage().concat(parked()));
  inherit();
  drain();
  on(window, "online", drain);
  on(window, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) inherit();
  });
  followVisibility();
  if (automatic) followPages();
  if (early && Array.isArray(early.q)) early.q.forEach(call);
}

guard(install)(window.weir as { q?: unknown } | undefined);
