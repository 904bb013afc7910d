// Builds dist/weir.js: one classic script, the same bytes on every machine. Fails past the size budget.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const GZIP_BYTES_MAX = 3 * 1024;
const out = new URL("dist/weir.js", import.meta.url).pathname;

await build({
  entryPoints: [new URL("src/index.ts", import.meta.url).pathname],
  outfile: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2018",
  charset: "utf8",
  mangleProps: /^_[a-z]/,
  legalComments: "none",
  logLevel: "warning",
});

const script = readFileSync(out);
const gzipped = gzipSync(script, { level: 9 }).length;
console.log(`dist/weir.js: ${script.length} bytes, ${gzipped} gzipped (at most ${GZIP_BYTES_MAX})`);
if (gzipped > GZIP_BYTES_MAX) {
  console.error("The tracker is over its size budget.");
  process.exitCode = 1;
}
