import { full } from "../format";

const days = (count: number) => (count === 1 ? "1 day" : `${full(count)} days`);

/** What a change of rules does to the past. */
export function doneText(refolding: number, frozen: number): string {
  const said = ["Saved."];
  if (refolding > 0) said.push(`${days(refolding)} ${refolding === 1 ? "is" : "are"} being counted anew.`);
  if (frozen > 0)
    said.push(`${days(frozen)} past the retention ${frozen === 1 ? "keeps" : "keep"} the old rule.`);
  return said.join(" ");
}
