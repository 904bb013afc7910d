// Takes a picture of every screen from the mock: `node dev/walk.mjs FOLDER [FILTER]`. Also reports what a phone would
// have to scroll sideways, and whatever the page wrote to the console.

import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const folder = process.argv[2];
const only = process.argv[3] ?? "";
if (!folder) throw new Error("usage: node dev/walk.mjs FOLDER [FILTER]");
mkdirSync(folder, { recursive: true });

const SHOTS = [
  ["dashboard", "still", "/example.com", null],
  ["today", "still", "/example.com?period=day", null],
  [
    "filtered",
    "still",
    "/example.com?period=12mo&metric=bounce_rate&f=is,visit:source,Google&f=is_not,visit:country,DE",
    null,
  ],
  [
    "hover",
    "still",
    "/example.com",
    async (page) => {
      await page.locator(".u-over").hover({ position: { x: 200, y: 80 } });
    },
  ],
  [
    "tip",
    "still",
    "/example.com",
    async (page) => {
      await page
        .getByRole("button", { name: /^Visitors/ })
        .first()
        .hover();
    },
  ],
  [
    "range",
    "still",
    "/example.com",
    async (page) => {
      await page.getByRole("button", { name: /^Period/ }).click();
    },
  ],
  [
    "utm",
    "still",
    "/example.com",
    async (page) => {
      await page.getByRole("button", { name: /^UTM/ }).click();
      await page.getByRole("button", { name: "UTM term" }).click();
    },
  ],
  [
    "details",
    "still",
    "/example.com",
    async (page) => {
      await page.getByRole("button", { name: "Details of Sources" }).click();
      await page.waitForSelector("dialog tbody tr");
    },
  ],
  ["sites", "still", "/sites", null],
  [
    "remove",
    "still",
    "/example.com/install",
    async (page) => {
      await page.getByRole("button", { name: "Remove site" }).click();
      await page.getByLabel("Type the domain").fill("example.com");
    },
  ],
  ["install", "new", "/example.com/install", null],
  [
    "page-check",
    "new",
    "/example.com/install",
    async (page) => {
      await page.getByRole("button", { name: "Check the page" }).click();
      await page.getByText("Something is wrong with the page.").waitFor();
    },
  ],
  ["new-site", "empty", "/", null],
  ["ledger", "still", "/ledger", null],
  ["health", "still", "/health", null],
  ["settings", "still", "/example.com/settings", null],
  ["account", "still", "/account", null],
  [
    "login",
    "login",
    "/",
    async (page) => {
      await page.getByLabel("Email").fill("ada@example.com");
      await page.getByLabel("Password").fill("wrong");
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByText("Email or password is wrong").waitFor();
    },
  ],
  ["setup", "setup", "/", null],
];

const LOOKS = [
  ["light", { width: 1280, height: 900 }, "light"],
  ["dark", { width: 1280, height: 900 }, "dark"],
  ["phone", { width: 390, height: 844 }, "light"],
];

const servers = new Map();
async function serverFor(mode) {
  if (!servers.has(mode)) {
    const port = 4610 + servers.size;
    const script = fileURLToPath(new URL("mock.mjs", import.meta.url));
    const child = spawn(process.execPath, [script, String(port)], {
      env: { ...process.env, WEIR_MOCK: mode },
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    servers.set(mode, { child, port });
  }
  return servers.get(mode).port;
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  for (const [look, viewport, colorScheme] of LOOKS) {
    const context = await browser.newContext({
      viewport,
      colorScheme,
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      reducedMotion: "reduce",
      hasTouch: look === "phone",
    });
    for (const [name, mode, path, act] of SHOTS) {
      if (!`${name}-${look}`.includes(only)) continue;
      const page = await context.newPage();
      page.on(
        "console",
        (message) =>
          message.type() === "error" &&
          !/401|403/.test(message.text()) &&
          console.log(name, look, message.text()),
      );
      page.on("pageerror", (error) => console.log(name, look, error.message));
      await page.goto(`http://127.0.0.1:${await serverFor(mode)}${path}`);
      await page.waitForFunction(
        () => document.querySelector("main") && !document.querySelector("[aria-busy=true], .skeleton"),
      );
      if (act) await act(page);
      await page.waitForTimeout(150);
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      if (wide > 0) console.log(name, look, `scrolls sideways by ${wide} px`);
      await page.screenshot({ path: join(folder, `${name}-${look}.png`), fullPage: !act });
      await page.close();
    }
    await context.close();
  }
} finally {
  await browser.close();
  for (const { child } of servers.values()) child.kill();
}
