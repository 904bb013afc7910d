// Writes dist/ and fails past the size budget.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { bundle } from "./bundle.mjs";

const GZIP_BYTES_MAX = 3 * 1024;

const here = (name) => new URL(name, import.meta.url);
const script = await bundle();
const gzipped = gzipSync(script, { level: 9 }).length;

mkdirSync(here("dist"), { recursive: true });
writeFileSync(here("dist/weir.js"), script);
copyFileSync(here("src/weir.d.ts"), here("dist/weir.d.ts"));

console.log(`dist/weir.js: ${script.length} bytes, ${gzipped} gzipped (at most ${GZIP_BYTES_MAX})`);
if (gzipped > GZIP_BYTES_MAX) {
  console.error("The tracker is over its size budget.");
  process.exitCode = 1;
}
