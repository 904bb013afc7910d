export { PHONE } from "./chromium.mjs";

const FILES = { chromium: "./chromium.mjs", firefox: "./firefox.mjs" };

/** Which browser the tests run in. */
const BROWSER = process.env.BROWSER ?? "chromium";

if (!FILES[BROWSER]) throw new Error(`BROWSER is ${BROWSER}: it may be ${Object.keys(FILES).join(" or ")}`);

export const { launch, undriven, visitor, whyNoBrowser } = await import(FILES[BROWSER]);

/** To skip a test in Firefox, with the reason: something that its driver, or it, cannot do. */
export const notInFirefox = (why) => BROWSER === "firefox" && `not in Firefox: ${why}`;
