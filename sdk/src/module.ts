import { guard } from "./guard";
import { api, start } from "./start";
import type { Options, Weir } from "./weir";

let started: unknown;

/** Begins to count. A second call changes nothing, and on a server, where there is no page, nothing happens. */
export function init(options: Options): Weir {
  guard(() => {
    if (!started) started = start(null, options);
  })();
  return api;
}

export { api as weir };
