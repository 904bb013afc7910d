import { guard } from "../guard";
import { captureClicks } from "./clicks";
import { captureForms } from "./forms";
import { captureMarks } from "./marks";
import { captureScroll } from "./scroll";

/** Everything that is counted without a call: what a page marks, and the kinds that its tag names. */
export function capture() {
  // What one of them misses in an old browser is no loss for the others.
  for (const begin of [captureClicks, captureForms, captureScroll, captureMarks]) guard(begin)();
}
