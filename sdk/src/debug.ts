import { endpoint } from "./config";
import { guard } from "./guard";
import { type Answer, sleep } from "./request";
import { type Item, isDebugged } from "./store";
import type { SentEvent } from "./weir";

/** How long after a batch's answer, and after each other, the server is asked what has become of it. */
const ASK_AFTER_MS = [300, 700, 2e3, 4e3];

const HELD: Record<string, string> = {
  dnt: "Do Not Track is on",
  gpc: "Global Privacy Control is on",
  consent: "waits for weir.optIn()",
};

function tell({ type, name, url }: Partial<SentEvent>, words: string) {
  console.info("weir:", name || type, url, "\u2192", words);
}

/** An event that is not on its way, and why. Later, since only then the tab says whether that is wanted. */
export function tellHeld(event: Partial<SentEvent>, why: string) {
  setTimeout(
    guard(() => {
      if (isDebugged()) tell(event, `not sent: ${HELD[why] || why}`);
    }),
    0,
  );
}

/** What a batch was answered, and what has become of its events since. */
export async function tellAnswered(items: readonly Item[], { _status, _why }: Answer) {
  if (!isDebugged()) return;
  const told: Record<string, string> = {};
  const say = ([id, json]: Item, words: string) => {
    if (told[id] !== words) tell(JSON.parse(json), words);
    told[id] = words;
  };
  try {
    // These answer for single events: each has a verdict.
    for (const ms of [202, 400, 403].includes(_status) ? ASK_AFTER_MS : []) {
      await sleep(ms);
      const ids = items.map((item) => item[0]);
      const response = await fetch(`${endpoint}?ids=${ids}`);
      const { verdicts } = await response.json();
      for (const { id, words } of verdicts) say(items[ids.indexOf(id)], words);
      if (!verdicts.some((one: { verdict: string }) => one.verdict === "waiting")) break;
    }
  } catch {}
  const rest = _status ? `${_status} ${_why || "accepted"}` : "no answer: sent again later";
  for (const item of items) if (!told[item[0]]) say(item, rest);
}
