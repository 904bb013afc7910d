import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why no browser test can run here, if so. */
export const whyNoBrowser = existsSync(CHROMIUM) ? false : `no Chromium at ${CHROMIUM}: apt install chromium`;

/** What a person's browser says: a driven or headless one is set aside as a bot. */
const USER_AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/** Somebody else's phone. */
export const PHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-blink-features=AutomationControlled",
  // A host of this machine that is not `localhost`: without https its pages are in no secure context.
  "--host-resolver-rules=MAP shop.test 127.0.0.1",
  // A beacon sent while a page unloads carries the browser's own name, whatever its context says.
  `--user-agent=${USER_AGENT}`,
];

export function launch() {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: FLAGS,
    // Off by default under automation, on for everyone else.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}

/**
 * A browser that nobody drives, on one page: a driver holds up what is prerendered, and keeps every tab in
 * front. What happens is up to the page's own script.
 */
export async function undriven(url) {
  const profile = await mkdtemp(join(tmpdir(), "weir-profile-"));
  const args = ["--headless=new", "--disable-popup-blocking", `--user-data-dir=${profile}`, ...FLAGS, url];
  const running = spawn(CHROMIUM, args, { stdio: "ignore" });
  const ended = new Promise((done) => running.once("exit", done));
  return {
    async close() {
      running.kill("SIGTERM");
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** A visitor: a browser profile of its own. */
export function visitor(browser, options = {}) {
  return browser.newContext({ userAgent: USER_AGENT, ...options });
}
