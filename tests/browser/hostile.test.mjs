// A real browser with the tracker, the real server, and between them a proxy that drops, delays, doubles
// and cuts: what was made is counted, each event exactly once.
import { after, before, suite, test } from "node:test";
import { launch, whyNoBrowser } from "./chromium.mjs";
import { HostileRun } from "./hostile-run.mjs";
import { whyNoServer } from "./weir.mjs";

/** `--seeds 1..20` or `HOSTILE_SEEDS=3,8`. */
function seedsWanted() {
  const given = process.argv[process.argv.indexOf("--seeds") + 1];
  const text = process.argv.includes("--seeds") ? given : (process.env.HOSTILE_SEEDS ?? "1,2");
  const range = /^(\d+)\.\.(\d+)$/.exec(text ?? "");
  const seeds = range
    ? Array.from({ length: range[2] - range[1] + 1 }, (_, n) => Number(range[1]) + n)
    : (text ?? "").split(",").map(Number);
  if (seeds.length && seeds.every((seed) => Number.isInteger(seed) && seed > 0)) return seeds;
  throw new Error(`no seeds: ${text}; say 1..20 or 3,8`);
}

/** As in Markdown, to be kept beside what is claimed. */
function table(rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const names = Object.keys(rows[0]);
  return [line(names), line(names.map(() => "--:")), ...rows.map((row) => line(Object.values(row)))].join(
    "\n",
  );
}

suite("through a hostile proxy", { skip: whyNoServer || whyNoBrowser }, () => {
  let browser;
  const rows = [];

  before(async () => {
    browser = await launch();
  });
  after(async () => {
    await browser.close();
    if (rows.length) console.log(table(rows));
  });

  for (const seed of seedsWanted()) {
    test(`seed ${seed}: what was made is counted exactly once`, async () => {
      rows.push(await HostileRun.of(seed, browser));
    });
  }
});
