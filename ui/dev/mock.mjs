// A stand-in server for work on the front end: serves dist with the same content policy as the real one and
// answers the API with invented figures. `node dev/mock.mjs [port]`; WEIR_MOCK=setup|login|empty|new starts elsewhere.

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const port = Number(process.argv[2] ?? 4600);
const mode = process.env.WEIR_MOCK ?? "full";
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const MS_PER_HOUR = 3_600_000;

const state = {
  setup: mode === "setup",
  user: mode === "setup" || mode === "login" ? null : { email: "ada@example.com" },
  arrivals: 0,
  sites: [
    {
      domain: "example.com",
      timezone: "Europe/Berlin",
      has_events: true,
      created_at: "2026-01-04T10:00:00Z",
      visit_timeout_minutes: 30,
      bots: "set-aside",
    },
    {
      domain: "blog.weir.dev",
      timezone: "America/New_York",
      has_events: true,
      created_at: "2026-03-04T10:00:00Z",
      visit_timeout_minutes: 30,
      bots: "set-aside",
    },
    {
      domain: "shop.example.org",
      timezone: "Asia/Kathmandu",
      has_events: false,
      created_at: "2026-11-21T10:00:00Z",
      visit_timeout_minutes: 30,
      bots: "set-aside",
    },
  ],
  unknown: [
    { host: "staging.example.net", count: 1284, last_seen: new Date(Date.now() - 240_000).toISOString() },
  ],
};
if (mode === "empty" || mode === "setup") state.sites = [];
if (mode === "new") state.sites = [{ ...state.sites[0], has_events: false }];

const streams = new Set();

function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  h ^= h >>> 15;
  h = Math.imul(h, 2246822507);
  return ((h ^ (h >>> 13)) >>> 0) / 4294967296;
}

function visitorsIn(site, hour) {
  const time = new Date(hour * MS_PER_HOUR);
  const dayCurve = 0.35 + 0.65 * Math.max(0, Math.sin(((time.getUTCHours() - 5) / 24) * 2 * Math.PI));
  const week = [0.62, 1, 1.08, 1.05, 1.02, 0.9, 0.6][time.getUTCDay()];
  const growth = 1 + (hour - 492_000) / 9000;
  const size = site === "example.com" ? 46 : 11;
  return Math.round(size * dayCurve * week * growth * (0.75 + 0.5 * hash(`${site}${hour}`)));
}

const civil = (date) => Date.parse(`${date.slice(0, 10)}T${date.slice(11, 16) || "00:00"}:00Z`);
const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "+00:00");

function rangeOf(asked) {
  const now = Date.now();
  const day = 24 * MS_PER_HOUR;
  const today = Math.floor(now / day) * day;
  if (asked === "day") return [today, today + day];
  if (asked === "24h") return [Math.floor(now / MS_PER_HOUR - 23) * MS_PER_HOUR, now];
  if (asked === "all") return [today - 300 * day, today + day];
  const [from, to] = asked;
  return [civil(from), to.length > 10 ? civil(to) : civil(to) + day];
}

function totalsBetween(site, from, to, factor) {
  let visitors = 0;
  const end = Math.min(to, Date.now());
  for (let at = from; at < end; at += MS_PER_HOUR) visitors += visitorsIn(site, at / MS_PER_HOUR);
  visitors = Math.round((visitors + (to > Date.now() ? state.arrivals : 0)) * factor);
  const wobble = hash(`${site}${from}`);
  return {
    visitors,
    visits: Math.round(visitors * 1.18),
    pageviews: Math.round(visitors * (2.5 + wobble * 0.5)),
    views_per_visit: Math.round((2.1 + wobble * 0.5) * 100) / 100,
    bounce_rate: visitors ? Math.round(38 + wobble * 12) : 0,
    visit_duration: visitors ? Math.round(70 + wobble * 90) : null,
    events: Math.round(visitors * 3.1),
  };
}

const VALUES = {
  "event:page":
    "/ /pricing /docs /docs/getting-started /blog/how-a-weir-works /blog/fsync-before-202 /features /changelog /about /docs/self-hosting /contact /careers /blog/a-rather-long-title-about-counting-visitors-without-knowing-who-they-are /legal/privacy",
  "visit:source":
    "Direct_/_None Google Hacker_News GitHub DuckDuckGo Bing Reddit Lobsters Mastodon ChatGPT newsletter LinkedIn",
  "visit:channel": "Organic_Search Direct Referral Organic_Social Email AI_Assistants Paid_Search",
  "visit:referrer":
    "google.com/ news.ycombinator.com/item github.com/ duckduckgo.com/ bing.com/ lobste.rs/s/weir",
  "visit:country": "DE US GB FR NL IN CA CH SE JP BR SG NP AU",
  "visit:device": "Desktop Mobile Tablet",
  "visit:browser": "Chrome Safari Firefox Edge Samsung_Internet Opera",
  "visit:os": "Windows macOS iOS Android GNU/Linux ChromeOS",
  "event:name": "pageview signup download newsletter video_play outbound_link",
  "event:hostname": "example.com docs.example.com",
  "visit:utm_source": "newsletter twitter",
};
VALUES["visit:entry_page"] = VALUES["event:page"];
VALUES["visit:exit_page"] = VALUES["event:page"];

function breakdown(query, totals, dimension) {
  let rows = (VALUES[dimension] ?? "").split(" ").filter(Boolean);
  rows = rows.map((name, at) => ({
    name: name.replaceAll("_", " ").replace("video play", "video_play"),
    part: 0.42 * 0.66 ** at,
  }));
  for (const [op, on, clauses] of query.filters ?? []) {
    if (on !== dimension) continue;
    if (op === "is") rows = rows.filter((row) => clauses.includes(row.name));
    if (op === "is_not") rows = rows.filter((row) => !clauses.includes(row.name));
    if (op === "contains")
      rows = rows.filter((row) => clauses.some((c) => row.name.toLowerCase().includes(c.toLowerCase())));
  }
  const results = rows.map((row) => ({
    dimensions: [row.name],
    metrics: query.metrics.map((metric) => {
      if (metric === "views_per_visit" || metric === "bounce_rate" || metric === "visit_duration") {
        return Math.round(totals[metric] * (0.7 + 0.6 * hash(row.name + metric)));
      }
      return Math.max(1, Math.round(totals[metric] * row.part));
    }),
  }));
  const [by, direction] = query.order_by?.[0] ?? [query.metrics[0], "desc"];
  const at = query.metrics.indexOf(by);
  results.sort((a, b) => (b.metrics[at] - a.metrics[at]) * (direction === "asc" ? -1 : 1));
  return results.filter((row) => row.metrics[0] > 0 && totals.visitors > 0);
}

function series(query, from, to, interval, factor) {
  const labels = [];
  const results = [];
  let at = from;
  while (at < to) {
    const date = new Date(at);
    let next = at + MS_PER_HOUR;
    if (interval === "day") next = at + 24 * MS_PER_HOUR;
    if (interval === "week") next = at + ((8 - (date.getUTCDay() || 7)) % 7 || 7) * 24 * MS_PER_HOUR;
    if (interval === "month") next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    const text = date.toISOString();
    const label = interval === "hour" ? `${text.slice(0, 10)} ${text.slice(11, 19)}` : text.slice(0, 10);
    labels.push(label);
    const totals = totalsBetween(query.site_id, at, Math.min(next, to), factor);
    if (totals.visitors) results.push({ dimensions: [label], metrics: query.metrics.map((m) => totals[m]) });
    at = next;
  }
  return { labels, results };
}

function answer(query) {
  const [from, to] = rangeOf(query.date_range);
  const others = (query.filters ?? []).filter(([, on]) => on !== query.dimensions?.[0]);
  const factor = others.reduce(
    (f, [op, on, clauses]) => f * (op === "is" ? 0.1 + 0.3 * hash(on + clauses) : 0.8),
    1,
  );
  const totals = totalsBetween(query.site_id, from, to, factor);
  const meta = {};
  const resolved = { ...query, date_range: [iso(from), iso(to - 1000)] };
  const dimension = query.dimensions?.[0];
  if (dimension?.startsWith("time:")) {
    const { labels, results } = series(query, from, to, dimension.slice(5), factor);
    if (query.include?.time_labels) meta.time_labels = labels;
    return { results, meta, query: resolved };
  }
  if (dimension) {
    const all = breakdown(query, totals, dimension);
    const { limit = 100, offset = 0 } = query.pagination ?? {};
    if (query.include?.total_rows) meta.total_rows = all.length;
    return { results: all.slice(offset, offset + limit), meta, query: resolved };
  }
  const row = { dimensions: [], metrics: query.metrics.map((m) => totals[m]) };
  if (query.include?.comparisons) {
    const before = totalsBetween(query.site_id, from - (to - from), from, factor);
    const metrics = query.metrics.map((m) => before[m]);
    const change = metrics.map((b, i) => (b ? Math.round(((row.metrics[i] - b) / b) * 100) : null));
    row.comparison = { metrics, change };
    resolved.comparison_date_range = [iso(from - (to - from)), iso(from - 1000)];
  }
  return { results: [row], meta, query: resolved };
}

function ledger() {
  const days = Array.from({ length: 14 }, (_, i) => {
    const day = new Date(Date.now() - i * 86_400_000).toISOString().slice(0, 10);
    const stored = Math.round(4000 + 3000 * hash(day));
    const bots = Math.round(stored * 0.07);
    const duplicate = Math.round(40 * hash(`${day}d`));
    const pending = i === 0 ? 12 : 0;
    const set_aside = { bot: bots, filtered: 18, spam_referrer: Math.round(5 * hash(`${day}s`)) };
    const aside = Object.values(set_aside).reduce((a, b) => a + b, 0);
    return {
      day,
      received: stored + aside + duplicate + pending + (i === 2 ? 2 : 0) + (i === 9 ? 14 : 0),
      stored,
      set_aside,
      duplicate,
      erased: i === 5 ? 31 : 0,
      expired: 0,
      dead: i === 2 ? 2 : 0,
      dropped: 0,
      lost: i === 9 ? 14 : 0,
      pending,
      balanced: true,
    };
  });
  for (const day of days) day.received += day.erased;
  return {
    pending: 12,
    balanced: true,
    refused: { unknown_host: 1284 },
    sites: [
      {
        domain: "example.com",
        days,
        refused: { foreign_origin: 214, too_old: 9 },
        given_up: { "2026-11-20": 7 },
      },
      { domain: "shop.example.org", days: [], refused: {}, given_up: {} },
    ],
  };
}

const dead = () => ({
  total: 2,
  dead: [1, 2].map((number) => ({
    number,
    site: "example.com",
    day: new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10),
    kind: "event",
    error: "its time does not lie within its day",
  })),
});

const health = () => ({
  status: "degraded",
  checks: [
    { name: "queue", ok: true, detail: "readable; 12 events in the backlog" },
    { name: "accepting", ok: true, detail: "events are being accepted" },
    { name: "ledger", ok: false, detail: "14 acknowledged events were in a queue file that is gone" },
    { name: "verify", ok: true, detail: "yesterday of 3 sites: 1,234 rows equal, at 02:14" },
  ],
});

const now = () => ({
  visitors_now: 9 + Math.round(6 * hash(`${Math.floor(Date.now() / 7000)}`)),
  complete_until: new Date(Date.now() - 300).toISOString(),
  pending: 0,
});

function live(request, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.write(`event: hello\ndata: ${JSON.stringify(now())}\n\n`);
  streams.add(response);
  request.on("close", () => streams.delete(response));
}

function tell(event) {
  for (const stream of streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(now())}\n\n`);
}

setInterval(() => tell("now"), 10_000);
if (mode !== "still") {
  setInterval(() => {
    if (streams.size === 0) return;
    state.arrivals += 1;
    if (mode === "new" && state.arrivals > 2) state.sites[0].has_events = true;
    tell("change");
  }, 2500);
}

const known = (domain) => state.sites.some((site) => site.domain === domain);

/** The streams end, as they do when the real server's site goes. */
function remove(domain, response) {
  response.writeHead(known(domain) ? 204 : 404).end();
  state.sites = state.sites.filter((site) => site.domain !== domain);
  for (const stream of streams) stream.end();
}

const session = () => ({
  user: state.user,
  setup_required: state.setup,
  demo: mode === "demo",
  version: "0.1.0",
});

const routes = {
  "GET /api/session": () => [200, session()],
  "POST /api/setup": (body) => {
    if (body.code !== "weir-1234") return [403, { error: "That code is not the one the server printed" }];
    state.setup = false;
    state.user = { email: body.email };
    return [200, session()];
  },
  "POST /api/login": (body) => {
    if (body.password !== "correct horse") return [401, { error: "Email or password is wrong" }];
    state.user = { email: body.email };
    return [200, session()];
  },
  "POST /api/logout": () => {
    state.user = null;
    return [204];
  },
  "POST /api/password": (body) =>
    body.current === "correct horse" ? [204] : [401, { error: "The current password is wrong" }],
  "GET /api/sites": () => [200, { sites: state.sites, unknown_hosts: state.unknown }],
  "POST /api/sites": (body) => {
    if (state.sites.some((site) => site.domain === body.domain))
      return [409, { error: `${body.domain} is a site already` }];
    if (!body.domain.includes(".")) return [400, { error: `"${body.domain}" is not a domain` }];
    const site = { ...body, has_events: false, created_at: new Date().toISOString() };
    state.sites.push(site);
    return [201, site];
  },
  "POST /api/v2/query": (body) =>
    known(body.site_id) ? [200, answer(body)] : [404, { error: `There is no site "${body.site_id}"` }],
  "GET /api/ledger": () => [200, mode === "empty" ? { pending: 0, balanced: true, sites: [] } : ledger()],
  "GET /api/dead": () => [200, mode === "empty" ? { total: 0, dead: [] } : dead()],
  "GET /api/health": () => [200, health()],
};

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

function file(path, response) {
  let name = join(dist, normalize(path));
  if (!name.startsWith(dist) || !existsSync(name) || statSync(name).isDirectory())
    name = join(dist, "index.html");
  response.writeHead(200, {
    "content-type": TYPES[extname(name)] ?? "application/octet-stream",
    "content-security-policy":
      "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
  });
  createReadStream(name).pipe(response);
}

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}

function answerCheck(domain, response) {
  const report = {
    url: `https://${domain}/`,
    verdict: "wrong",
    text: "Something is wrong with the page.",
    findings: [
      {
        code: "policy-blocks-script",
        level: "wrong",
        text: "The page's Content-Security-Policy keeps browsers from loading the script.",
        advice:
          "Add https://stats.example.com to script-src; where that has 'strict-dynamic', give the tag the page's nonce.",
      },
    ],
  };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(report));
}

createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (!url.pathname.startsWith("/api/")) return file(url.pathname, response);
  if (url.pathname === "/api/live" && known(url.searchParams.get("site_id"))) return live(request, response);
  const install = /^\/api\/sites\/(.+)\/install$/.exec(url.pathname);
  const site = install && state.sites.find((one) => one.domain === decodeURIComponent(install[1]));
  const removal = request.method === "DELETE" && /^\/api\/sites\/([^/]+)$/.exec(url.pathname);
  if (removal) return remove(decodeURIComponent(removal[1]), response);
  const check = request.method === "POST" && /^\/api\/sites\/([^/]+)\/check$/.exec(url.pathname);
  if (check) return answerCheck(decodeURIComponent(check[1]), response);
  const handler = site
    ? () => [
        200,
        {
          snippet: `<script defer src="https://stats.example.com/y/api/v1/sdk.js"></script>`,
          has_events: site.has_events,
        },
      ]
    : routes[`${request.method} ${url.pathname}`];
  const [status, body] = handler ? handler(await bodyOf(request)) : [404, { error: "There is nothing here" }];
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port} (${mode})`));
