import { guard } from "./guard";

/** Hears an event before the page's own code can stop it, and never stands in its way. */
export function on(types: string, work: (event: Event) => unknown, target: EventTarget = window) {
  for (const type of types.split(" ")) target.addEventListener(type, guard(work), true);
}

/**
 * Looks at the page soon after it was scrolled. Its scrolling is told before the browser lays it out, and whoever
 * measures then makes the browser do that at once; a task later it is done. The answer forgets a look that is due.
 */
export function onScroll(look: () => void) {
  let timer: unknown;
  const due = guard(() => {
    timer = 0;
    look();
  });
  on("scroll", ({ target }) => {
    if (target === document) timer = timer || setTimeout(due);
  });
  return () => {
    clearTimeout(timer as number);
    timer = 0;
  };
}
