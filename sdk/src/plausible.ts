import { track, page as view } from "./events";
import { guard } from "./guard";
import type { Props, TrackOptions } from "./weir";

interface PlausibleOptions extends TrackOptions {
  props?: Props;
  callback?: (result: object) => void;
}

interface Plausible {
  (name: string, options?: PlausibleOptions): void;
  /** Calls that came before the script, as `arguments`. */
  q?: ArrayLike<unknown>[];
}

/** Pages that were written for Plausible call that name, and some go on only once they hear back. */
export function answerPlausible() {
  const page = window as { plausible?: Plausible };
  const early = page.plausible;
  const call: Plausible = guard((name: string, options?: PlausibleOptions) => {
    const { props, callback } = options || ({} as PlausibleOptions);
    if (callback) setTimeout(callback, 0, {});
    if (name === "pageview") view(props);
    else track(name, props, options);
  });
  page.plausible = call;
  for (const given of (early && early.q) || []) call(...(Array.from(given) as [string]));
}
