// What the server says of events that this browser has just sent.

/** Of one event, or news of it: what is not said is as it was. */
export type VerdictMessage = {
  n: number;
  at?: string;
  site?: string;
  kind?: "pageview" | "event" | "engagement" | "delivery";
  url?: string;
  name?: string;
  verdict: string;
  words: string;
};

export type Seen = VerdictMessage & { at: string; kind: NonNullable<VerdictMessage["kind"]> };

export const SEEN_MAX = 200;

/** In the order in which they came, the newest so many: a row stays in its place as long as it is there. */
export function withMessage(seen: readonly Seen[], message: VerdictMessage): readonly Seen[] {
  const known = seen.findIndex((one) => one.n === message.n);
  if (known >= 0) return seen.map((one, i) => (i === known ? { ...one, ...message } : one));
  // News of an event that came before anybody looked.
  if (!message.at || !message.kind) return seen;
  return [...seen, { ...message, at: message.at, kind: message.kind }].slice(-SEEN_MAX);
}

export type Tone = "good" | "waiting" | "neutral" | "bad";

/** Counted once is well, however often it came. */
export function toneOf(verdict: string): Tone {
  if (verdict === "stored") return "good";
  if (verdict === "waiting") return "waiting";
  return verdict === "duplicate" || verdict === "overloaded" || verdict === "rate_limited"
    ? "neutral"
    : "bad";
}

const KINDS = {
  pageview: "Page view",
  event: "Event",
  engagement: "Time on page",
  delivery: "A whole delivery",
};

export function titleOf(seen: Seen): string {
  return seen.kind === "event" && seen.name ? seen.name : KINDS[seen.kind];
}

/** Why this very browser may not be counted, whatever a server thinks. */
export function heldBack(browser: { doNotTrack?: string | null; globalPrivacyControl?: boolean }): string[] {
  const reasons: string[] = [];
  if (browser.doNotTrack === "1")
    reasons.push(
      'Do Not Track is on in this browser: sites send nothing, unless their tag says data-dnt="false".',
    );
  if (browser.globalPrivacyControl)
    reasons.push("Global Privacy Control is on in this browser: sites whose tag says data-gpc send nothing.");
  return reasons;
}
