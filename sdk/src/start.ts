import { capture } from "./capture/capture";
import { choices } from "./choices";
import { configure, endpoint } from "./config";
import { drain, flush, takeUp } from "./delivery";
import { page, track, viewIfMoved } from "./events";
import { guard } from "./guard";
import { on } from "./listen";
import { followPages, followVisibility } from "./pages";
import { openDevice, openTab } from "./store";
import { inTurn } from "./turns";
import type { Options } from "./weir";

/** What a page can call. Before the tracker has started, and where it cannot, calls do nothing. */
export const api = { track: guard(track), page: guard(page), flush: guard(flush) } as Window["weir"];
if (FULL) Object.assign(api, choices);

/** Begins to count; false where there is no address to send to. */
export function start(script: HTMLScriptElement | null, options?: Options) {
  configure(script, options);
  // A script without an address of its own has not come this far.
  if (!/^http/.test(SCRIPT ? location.protocol : endpoint && location.protocol)) return false;
  // What must not be missed comes now, and what a page that has just begun to load would wait for comes later.
  if (FULL) inTurn(viewIfMoved, capture, openDevice, openTab, takeUp);
  else inTurn(viewIfMoved, openDevice, openTab, takeUp);
  on("online", drain);
  followVisibility();
  followPages();
  return true;
}
