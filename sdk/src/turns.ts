import { guard } from "./guard";

/** What is left to do of the start, in its order. */
let left: (() => unknown)[] = [];

// Where there is nothing to call, nobody hears of that.
const next = () => guard(left.shift() as () => unknown)();

/** Does each of these in a task of its own: in between, a slow phone answers whoever holds it. */
export function inTurn(...works: typeof left) {
  left = works;
  for (const _ of works) setTimeout(next);
}

/** Does now what is left: the page goes, or is told something that needs all of it. */
export function finish() {
  while (left[0]) next();
}
