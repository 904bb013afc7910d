import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firefox } from "playwright-core";

const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";

/** Why no test can run in Firefox here, if so. */
export const whyNoBrowser = existsSync(FIREFOX)
  ? false
  : `no Firefox at ${FIREFOX}: apt install firefox-esr, or name it in FIREFOX`;

const PREFERENCES = {
  // A host of this machine that is not `localhost`: without https its pages are in no secure context.
  "network.dns.localDomains": "shop.test",
};

/** As a distribution ships it, driven by WebDriver BiDi: the driver's own build is not what visitors have. */
export async function launch() {
  const browser = await firefox.launch({
    channel: "moz-firefox",
    executablePath: FIREFOX,
    firefoxUserPrefs: PREFERENCES,
  });
  const { _browserSession: session } = browser._connection.toImpl(browser);
  const send = session.send.bind(session);
  // The driver asks it of every browser, and Firefox 153 does not know it yet. No test here looks at colours.
  session.send = async (method, params) =>
    method === "emulation.setMediaFeaturesOverride" ? {} : send(method, params);
  return browser;
}

/** A browser that nobody drives, on one page. What happens is up to the page's own script. */
export async function undriven(url) {
  const profile = await mkdtemp(join(tmpdir(), "weir-profile-"));
  const preferences = {
    ...PREFERENCES,
    "dom.disable_open_during_load": false,
    "browser.aboutwelcome.enabled": false,
  };
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`,
  );
  await writeFile(join(profile, "user.js"), lines.join("\n"));
  const running = spawn(FIREFOX, ["--headless", "--no-remote", "--profile", profile, url], {
    stdio: "ignore",
  });
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
export async function visitor(browser, options = {}) {
  const context = await browser.newContext(options);
  // A driven browser is set aside as a bot.
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, "webdriver", { get: () => false, configurable: true });
  });
  return context;
}
