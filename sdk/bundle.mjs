// The five forms of the tracker: the same bytes on every machine.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

/** What the folder `dist` holds: for each file what it is, and how large it may be when gzipped. */
export const FORMS = {
  "weir.js": { script: true, full: true, gzipBytesMax: 6 * 1024 },
  // For pages that were written for Fusionaly: the same, and what they call.
  "fusionaly.js": { script: true, full: true, older: true, gzipBytesMax: 7.5 * 1024 },
  "weir.mjs": { script: false, full: true, gzipBytesMax: 6 * 1024 },
  "core.js": { script: true, full: false, gzipBytesMax: 3 * 1024 },
  "core.mjs": { script: false, full: false, gzipBytesMax: 3 * 1024 },
};

export async function bundle(file) {
  const { script, full, older = false } = FORMS[file];
  const entry = script ? "script.ts" : "module.ts";
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`src/${entry}`, import.meta.url))],
    bundle: true,
    write: false,
    minifySyntax: true,
    format: script ? "iife" : "esm",
    target: "es2018",
    charset: "utf8",
    // Strictness changes nothing here, and costs the words that ask for it.
    tsconfigRaw: { compilerOptions: { alwaysStrict: false } },
    define: { FULL: `${full}`, SCRIPT: `${script}`, OLDER: `${older}` },
    // Members of our own objects: nothing outside reads them.
    mangleProps: /^_[a-z]/,
    logLevel: "warning",
  });
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2018,
    module: !script,
    toplevel: true,
    // A constant on the left is no shorter and packs worse.
    compress: { passes: 3, lhs_constants: false },
  });
  // To compile a function when it is first called takes Chromium longer than to run it. It does so beforehand, and
  // not in the page's way, where a script begins with these words. Of a module it is told by whoever bundles it.
  return `${script ? "//# allFunctionsCalledOnLoad\n" : ""}${code}\n`;
}
