import { isOn } from "./config";
import { hide, inherit, leave } from "./delivery";
import { reportEngaged, stir, view, viewIfMoved } from "./events";
import { guard } from "./guard";
import { on } from "./listen";
import { isVisible } from "./sight";

/** Leaving and coming back. `pagehide` alone misses a phone's switch to another app, maybe for good. */
export function followVisibility() {
  on("visibilitychange", () => {
    if (isVisible()) stir();
    else reportEngaged();
    // Also when it becomes visible: what a prerendered page collected may go.
    hide();
  });
  on("pagehide", () => {
    reportEngaged();
    leave();
  });
  on("pageshow", (event) => {
    if (!(event as PageTransitionEvent).persisted) return;
    inherit();
    if (isOn("auto", true)) view();
  });
  // For the first minute that somebody looks, no sign of life is needed.
  on("pointerdown pointermove keydown scroll", stir);
  stir();
}

/** A view for every page shown: loaded, seen at last, or moved to by script. */
export function followPages() {
  const moved = guard(viewIfMoved);
  on("visibilitychange focus", moved);
  const { navigation } = window as { navigation?: EventTarget };
  // Told also before the address changes: the first view may still be due.
  if (navigation) return on("navigate currententrychange", moved, navigation);
  moved();
  on("popstate hashchange", moved);
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      moved();
    };
  }
}
