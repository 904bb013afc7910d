import { words } from "../config";
import { afterView, track } from "../events";
import { onScroll } from "../listen";
import { isCaptured } from "./element";

/** How far down a page was read, told at each mark once a view. */
export function captureScroll() {
  if (!isCaptured("scroll")) return;
  const own = words("depths").map(Number);
  const marks = own.length ? own : [25, 50, 75, 100];
  let reached = 0;
  const forget = onScroll(() => {
    const { scrollTop, scrollHeight } = document.scrollingElement || document.documentElement;
    // A fraction of a pixel is missing at the end of many pages.
    const depth = (100 * (scrollTop + innerHeight + 1)) / scrollHeight;
    for (const mark of marks) {
      if (mark > reached && mark <= depth) track("scroll", { depth: mark }, { interactive: false });
    }
    reached = Math.max(reached, depth);
  });
  // How far down the last page was says nothing of this one.
  afterView.push(() => {
    reached = 0;
    forget();
  });
}
