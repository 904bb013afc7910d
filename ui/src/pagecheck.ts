// What the server says of a site's page, and how that is shown.

export type PageFinding = { code: string; level: "note" | "wrong"; text: string; advice: string };
export type PageReport = {
  url: string;
  verdict: "right" | "wrong" | "unseen" | "unfetched";
  text: string;
  findings: PageFinding[];
};

export type PageTone = "good" | "warn";

/** Right is good, whatever else is worth knowing; all else is to be looked at. */
export function toneOf(report: PageReport): PageTone {
  return report.verdict === "right" ? "good" : "warn";
}

/** What keeps visits from being counted first; of equal weight in the order in which it was found. */
export function inOrder(findings: readonly PageFinding[]): PageFinding[] {
  return [
    ...findings.filter((one) => one.level === "wrong"),
    ...findings.filter((one) => one.level !== "wrong"),
  ];
}
