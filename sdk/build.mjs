// Writes dist/, prints how large each form is, and fails past a size budget.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { bundle, FORMS } from "./bundle.mjs";

const here = (name) => new URL(name, import.meta.url);
const row = (...cells) =>
  console.log(cells.map((cell, i) => `${cell}`[i ? "padStart" : "padEnd"](12)).join(""));

rmSync(here("dist"), { recursive: true, force: true });
mkdirSync(here("dist"));
row("", "bytes", "gzipped", "at most");
for (const [file, { gzipBytesMax }] of Object.entries(FORMS)) {
  const script = await bundle(file);
  const gzipped = gzipSync(script, { level: 9 }).length;
  writeFileSync(here(`dist/${file}`), script);
  row(file, Buffer.byteLength(script), gzipped, gzipBytesMax);
  if (gzipped > gzipBytesMax) {
    console.error(`${file} is over its size budget.`);
    process.exitCode = 1;
  }
}
for (const types of ["weir.d.ts", "core.d.ts"]) copyFileSync(here(`src/${types}`), here(`dist/${types}`));
