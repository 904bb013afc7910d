import { guard } from "./guard";

/** Hears an event before the page's own code can stop it, and never stands in its way. */
export function on(target: EventTarget, types: string, work: (event: Event) => unknown) {
  for (const type of types.split(" ")) target.addEventListener(type, guard(work), true);
}
