// The only place that talks to the server, save for the live stream. Wire types are as the server sends them.

import type { QueryFilter } from "./filters";
import type { Metric } from "./format";
import type { PageReport } from "./pagecheck";
import type { DateRange } from "./period";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Session = {
  user: { email: string } | null;
  setup_required: boolean;
  demo: boolean;
  version: string;
};
/** What a site's events are counted by. */
export type SiteRules = { visit_timeout_minutes: number; bots: "set-aside" | "count" };
export type Site = SiteRules & { domain: string; timezone: string; has_events: boolean; created_at: string };
/** How many days a change of rules counts anew, and how many keep the old ones. */
export type Refolding = { days_waiting: number; days_frozen: number };
export type UnknownHost = { host: string; count: number; last_seen: string };
export type Sites = { sites: Site[]; unknown_hosts: UnknownHost[] };
export type LedgerDay = {
  day: string;
  received: number;
  stored: number;
  set_aside: Record<string, number>;
  duplicate: number;
  erased: number;
  expired: number;
  dead: number;
  /** Dead rows that somebody gave up on. */
  dropped: number;
  /** Acknowledged, and gone with a file that is gone. */
  lost: number;
  pending: number;
  balanced: boolean;
};
export type LedgerSite = {
  domain: string;
  days: LedgerDay[];
  refused: Record<string, number>;
  /** What browsers reported to have lost before it was delivered, by the day of the report. */
  given_up: Record<string, number>;
};
/** A queue row that could not be processed: an event, or a wish such as removing a site. */
export type DeadRow = { number: number; site: string; day: string; kind: "event" | "control"; error: string };
/** The oldest ones; `total` counts all. */
export type DeadRows = { total: number; dead: DeadRow[] };
export type Ledger = {
  pending: number;
  balanced: boolean;
  sites: LedgerSite[];
  /** Of no site: unknown hosts, and what could not be read. */
  refused?: Record<string, number>;
  given_up?: number;
};
export type Health = { status: "ok" | "degraded"; checks: { name: string; ok: boolean; detail: string }[] };

export type QueryBody = {
  site_id: string;
  metrics: Metric[];
  date_range: DateRange;
  dimensions?: string[];
  filters?: (QueryFilter | [string, string, string[], object])[];
  order_by?: [string, "asc" | "desc"][];
  include?: { time_labels?: boolean; total_rows?: boolean; comparisons?: { mode: "previous_period" } };
  pagination?: { limit: number; offset: number };
};
export type QueryRow = {
  dimensions: string[];
  metrics: (number | null)[];
  comparison?: { metrics: (number | null)[]; change: (number | null)[] };
};
export type QueryAnswer = {
  results: QueryRow[];
  meta: { time_labels?: string[]; total_rows?: number };
  query: { date_range?: [string, string]; comparison_date_range?: [string, string] };
};

let whenLoggedOut = () => {};
let whenSiteGone = (_domain: string) => {};
/** Called whenever the server no longer knows a site that was asked for. */
export function onSiteGone(listener: (domain: string) => void): void {
  whenSiteGone = listener;
}

/** Called whenever the server no longer knows the login, so that no screen has to look for a 401. */
export function onLoggedOut(listener: () => void): void {
  whenLoggedOut = listener;
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? undefined : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "The server can't be reached. It may be restarting, or this device is offline.");
  }
  if (response.status === 204) return undefined as T;
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer as T;
  if (response.status === 401 && path !== "/api/login" && path !== "/api/password") whenLoggedOut();
  throw new ApiError(response.status, answer?.error ?? `The server answered with status ${response.status}.`);
}

/** A question about one site: somebody may have removed it since this page was opened. */
async function ofSite<T>(domain: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) whenSiteGone(domain);
    throw error;
  }
}

const siteAddress = (domain: string) => `/api/sites/${encodeURIComponent(domain)}`;

export const api = {
  session: () => call<Session>("GET", "/api/session"),
  setUp: (code: string, email: string, password: string) =>
    call<Session>("POST", "/api/setup", { code, email, password }),
  login: (email: string, password: string) => call<unknown>("POST", "/api/login", { email, password }),
  logout: () => call<void>("POST", "/api/logout"),
  changePassword: (current: string, next: string) =>
    call<unknown>("POST", "/api/password", { current, new: next }),
  sites: () => call<Sites>("GET", "/api/sites"),
  addSite: (domain: string, timezone: string) => call<Site>("POST", "/api/sites", { domain, timezone }),
  removeSite: (domain: string) => call<void>("DELETE", siteAddress(domain)),
  changeSite: (domain: string, rules: SiteRules) =>
    ofSite(domain, call<Refolding>("PATCH", siteAddress(domain), rules)),
  install: (domain: string) =>
    ofSite(domain, call<{ snippet: string; has_events: boolean }>("GET", `${siteAddress(domain)}/install`)),
  checkPage: (domain: string) => ofSite(domain, call<PageReport>("POST", `${siteAddress(domain)}/check`, {})),
  ledger: () => call<Ledger>("GET", "/api/ledger"),
  dead: () => call<DeadRows>("GET", "/api/dead"),
  replayDead: (numbers: number[]) => call<unknown>("POST", "/api/dead/replay", { numbers }),
  dropDead: (numbers: number[]) => call<unknown>("POST", "/api/dead/drop", { numbers }),
  health: () => call<Health>("GET", "/api/health"),
  query: (body: QueryBody, signal?: AbortSignal) =>
    ofSite(body.site_id, call<QueryAnswer>("POST", "/api/v2/query", body, signal)),
};

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
