import { defineConfig } from "vitest/config";

/** Everything holds of both scripts; some things only one of them can do. */
const of = (form: string, exclude: string[]) => ({
  test: { name: form, env: { FORM: form }, include: ["test/**/*.test.ts"], exclude },
});

export default defineConfig({
  test: {
    projects: [
      of("core.js", ["test/full/**", "test/older/**"]),
      of("weir.js", ["test/forms.test.ts", "test/older/**"]),
      of("fusionaly.js", ["test/forms.test.ts"]),
    ],
  },
});
