// How long the tracker keeps a slow phone busy at most: `npm run tasks`. Not a test: it measures time.
//
// What counts is a task of the main thread, since nobody is answered before it ends: all that a script does in one
// task is added up, with the compiling, the layout and the garbage collection that it causes, and with what its
// promises go on to do. A task that is the page's own as well counts with the tracker's part alone.
//
// Chromium slows a thread down by interrupting it every 200 microseconds or so, to spin three times as long as went
// by since the last time, a millisecond at most. Whatever the thread waited for is slowed down like its own work, be it
// the browser's process, as for storage, or another program. So the clock's time is what counts: other programs can
// only make it longer, and of many rounds the shortest is nearest to a machine of one's own. The thread's own time is
// shown beside it. It is no judge, since it misses every spin that fell into another program's turn; where the two are
// far apart, the machine is too busy to measure on.
import { launch, whyNoBrowser } from "./chromium.mjs";
import { SCRIPTS } from "./fake-ingest.mjs";
import { eventually } from "./loopback.mjs";
import { Stage } from "./stage.mjs";

const SLOWER = 4;
const LONG_MS = 5;
const ROUNDS = Number(process.env.ROUNDS ?? 7);
const ELEMENTS = 3000;
const CATEGORIES = ["devtools.timeline", "v8", "toplevel"];

const TEXT = '<p class="item"><a href="/a">Item</a></p>'.repeat(ELEMENTS);
const BODY = `<script defer src="/empty.js"></script>
<button id=x>X</button><a id=link href="#there">L</a><section data-weir-section=s>S</section>${TEXT}`;

/** Hears of the same and does nothing: what a handler costs that has nothing in it. */
const EMPTY = `
for (const type of ["click", "scroll", "visibilitychange", "pointermove"]) addEventListener(type, () => {}, true);
navigation.addEventListener("currententrychange", () => {});
new MutationObserver(() => {}).observe(document, { childList: true, subtree: true });
for (let n = 0; n < 4; n++) setTimeout(() => {});`;

/** The first call of some that the tracker cannot do without, each on a page where nothing was called before. */
const CALLS = {
  nothing: "",
  "the tag": "document.currentScript.getAttribute('data-auto')",
  navigator: "navigator.doNotTrack",
  localStorage: "Object.keys(localStorage)",
  sessionStorage: "Object.keys(sessionStorage)",
  fetch: `fetch("/answer", { method: "POST", body: "x", keepalive: true, credentials: "omit" })`,
};

/** Everything that the tracker hears of, on a page that keeps changing. */
async function use({ page }) {
  await page.click("#x");
  for (let n = 1; n <= 10; n++) {
    await page.mouse.wheel(0, 20000);
    await page.evaluate((n) => {
      document.body.insertAdjacentHTML("beforeend", `<section data-weir-section=s${n}>S</section>`);
      history.pushState({}, "", `/${n}`);
      // Called by the browser, and not from the page's own code, to be told apart from it.
      for (let i = 0; i < 5; i++) setTimeout(window.weir.track, 0, "e", { n, i });
    }, n);
  }
  await page.waitForTimeout(1000);
}

/** What Chromium has noted of `work`, when it ran slowly. */
async function traced({ context, page }, work) {
  const devtools = await context.newCDPSession(page);
  const events = [];
  const ended = new Promise((done) => devtools.once("Tracing.tracingComplete", done));
  devtools.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await devtools.send("Tracing.start", { traceConfig: { includedCategories: CATEGORIES } });
  await work();
  await devtools.send("Tracing.end");
  await ended;
  return events.filter(({ ph }) => ph === "X");
}

const isIn = (outer) => (inner) =>
  inner !== outer &&
  inner.pid === outer.pid &&
  inner.tid === outer.tid &&
  inner.ts >= outer.ts &&
  inner.ts + inner.dur <= outer.ts + outer.dur;

const addressOf = ({ args }) => args?.data?.url ?? "";

/** The tasks in which this script ran, oldest first: why it was called, and how long it took. */
function tasksOf(noted, script) {
  const events = noted.filter(({ name }) =>
    /RunTask|EvaluateScript|FunctionCall|RunMicrotasks|EventDispatch/.test(name),
  );
  const calls = events.filter(({ name }) => ["EvaluateScript", "FunctionCall"].includes(name));
  const isOwn = (call) => addressOf(call).endsWith(script);
  const pid = calls.find(isOwn)?.pid;
  const tasks = events.filter((event) => event.pid === pid && event.name.endsWith("::RunTask"));
  return tasks
    .sort((a, b) => a.ts - b.ts)
    .flatMap((task) => {
      const here = events.filter(isIn(task));
      const scripts = here.filter((event) => calls.includes(event));
      const own = scripts.filter(isOwn);
      // Promises do not say whose they are. In a task of nobody else's they are the tracker's.
      const rest = scripts.length === own.length ? here.filter(({ name }) => name === "RunMicrotasks") : [];
      const all = [...own, ...(script === "empty.js" ? [] : rest)];
      const outermost = all.filter((span) => !all.some((other) => isIn(other)(span)));
      if (!outermost.length) return [];
      const why = here
        .filter((event) => isIn(event)(outermost[0]))
        .find(({ name }) => name === "EventDispatch");
      const kind = why ? why.args.data.type : own.length ? outermost[0].name : "answers";
      const sum = (field) => outermost.reduce((ms, span) => ms + (span[field] ?? 0) / 1000, 0);
      return [{ kind, at: task.ts, own: sum("tdur"), clock: sum("dur") }];
    });
}

/** A page's life with the tracker on it. */
async function live(browser, script) {
  const stage = await Stage.set(browser);
  stage.site.script = script;
  stage.site.answers = { "/empty.js": EMPTY };
  const sent = (path) =>
    eventually(
      `${path} was sent`,
      () => stage.ingest.words(),
      (words) => words.includes(path),
    );
  const events = await traced(stage, async () => {
    await stage.open({ body: BODY, tag: { "data-capture": "all", "data-text": "" } });
    await sent("/");
    await use(stage);
    await sent("/10");
  });
  await stage.end();
  return events;
}

/** A page on which nothing happens but one call. */
async function call(browser, code) {
  const stage = await Stage.set(browser);
  stage.site.answers = {
    "/": `<!doctype html><script defer src="/call.js"></script>`,
    "/call.js": `${code};`,
  };
  const events = await traced(stage, async () => {
    await stage.page.goto(stage.site.origin);
    await stage.page.waitForLoadState();
  });
  await stage.end();
  return tasksOf(events, "call.js");
}

/** The start's tasks each by itself, in their order, and of all others the longest of a kind. */
function longest(tasks) {
  const used = tasks.findIndex(({ kind }) => kind.startsWith("pointer"));
  const found = new Map();
  let n = 0;
  for (const [i, { kind, own, clock }] of tasks.entries()) {
    const name = kind !== "FunctionCall" ? kind : i < used ? `start ${++n}` : "later";
    if (clock >= (found.get(name)?.clock ?? 0)) found.set(name, { own, clock });
  }
  return found;
}

/** Of each kind the round in which it took least. */
function least(rounds) {
  const found = new Map();
  for (const round of rounds) {
    for (const [name, time] of round)
      if (time.clock <= (found.get(name)?.clock ?? Infinity)) found.set(name, time);
  }
  return found;
}

/** Of each work its rounds, all works in every round: whatever comes first in a young browser takes longest. */
async function repeat(works) {
  const rounds = works.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [n, work] of works.entries()) rounds[n].push(await work());
  }
  return rounds;
}

function show(title, times) {
  const figure = ({ own, clock }) => `${clock.toFixed(1)} (${own.toFixed(1)})`;
  console.log(`${title}: ${[...times].map(([name, time]) => `${name} ${figure(time)}`).join(", ")}`);
}

if (whyNoBrowser) throw new Error(whyNoBrowser);
const browser = await launch();
console.log(`Milliseconds of a task (of its thread), ${SLOWER} times slower, best of ${ROUNDS} rounds`);
const calls = Object.entries(CALLS);
const alone = await repeat(
  calls.map(
    ([, code]) =>
      async () =>
        longest(await call(browser, code)),
  ),
);
for (const [n, [name]] of calls.entries()) show(`Alone, ${name}`, least(alone[n]));
const scripts = Object.keys(SCRIPTS);
const lives = await repeat(scripts.map((script) => () => live(browser, script)));
for (const [n, script] of scripts.entries()) {
  const times = least(lives[n].map((events) => longest(tasksOf(events, script))));
  show(script, times);
  const most = Math.max(...[...times.values()].map(({ clock }) => clock));
  console.log(`${script}: at most ${most.toFixed(1)} ms, of ${LONG_MS} allowed`);
  if (most > LONG_MS) process.exitCode = 1;
}
const empty = lives.flat().map((events) => longest(tasksOf(events, "empty.js")));
show("A script that does nothing", least(empty));
await browser.close();
