import { isOn } from "./config";
import { isPrerendered } from "./sight";
import { keepWord, wordKept } from "./store";

/** The visitor's own word on this site: "true" is to be ignored, "false" is to be counted. */
export const say = (ignore: "true" | "false") => keepWord(ignore);

/**
 * Why nothing is counted, if so. Looked up for every event, so that it holds from that moment on. Nobody asks the
 * core script for the word.
 */
export function refusal() {
  if (/^(1|true)$/.test(wordKept() as string)) return (FULL ? "opt-out" : 1) as "opt-out";
  if (isOn("dnt", true) && navigator.doNotTrack === "1") return "dnt";
  return isOn("gpc") && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl && "gpc";
}

export const awaitsConsent = () => isOn("consent") && wordKept() !== "false";

/**
 * What happens is kept in memory and nowhere else: it may yet turn out that it must not be sent. A page in the
 * background is not held. It has no view yet, but what it says of itself is true, and it may never be shown.
 */
export const isHeld = FULL ? () => isPrerendered() || awaitsConsent() : isPrerendered;
