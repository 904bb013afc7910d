// The tracker as one classic script: the same bytes on every machine.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("src/index.ts", import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: "iife",
    target: "es2018",
    charset: "utf8",
    // Members of our own objects: nothing outside reads them.
    mangleProps: /^_[a-z]/,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}
