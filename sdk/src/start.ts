import { capture } from "./capture/capture";
import { choices } from "./choices";
import { configure, endpoint, isOn } from "./config";
import { begin, drain, flush } from "./delivery";
import { track, view } from "./events";
import { guard } from "./guard";
import { on } from "./listen";
import { followPages, followVisibility } from "./pages";
import { lookBack } from "./sight";
import type { Options } from "./weir";

/** What a page can call. Before the tracker has started, and where it cannot, calls do nothing. */
export const api = { track: guard(track), page: guard(view), flush: guard(flush) } as Window["weir"];
if (FULL) Object.assign(api, choices);

/** Begins to count; false where there is no address to send to. */
export function start(script: HTMLScriptElement | null, options?: Options) {
  configure(script, options);
  if (!endpoint || !/^http/.test(location.protocol)) return false;
  guard(lookBack)();
  // A page that has just begun to load waits for its device longer than for anything else that happens here.
  if (FULL) setTimeout(guard(begin), 0);
  else begin();
  on(window, "online", drain);
  followVisibility();
  if (FULL) capture();
  if (isOn("auto", true)) followPages();
  return true;
}
