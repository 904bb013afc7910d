// Addresses and what they mean.

export type SiteScreen = "dashboard" | "install" | "settings" | "verdicts";

export type Route =
  | {
      screen: "home" | "sites" | "login" | "setup" | "new-site" | "ledger" | "health" | "account" | "missing";
    }
  | { screen: SiteScreen; domain: string };

const FIXED: Record<string, Route> = {
  "/": { screen: "home" },
  "/sites": { screen: "sites" },
  "/login": { screen: "login" },
  "/setup": { screen: "setup" },
  "/sites/new": { screen: "new-site" },
  "/ledger": { screen: "ledger" },
  "/health": { screen: "health" },
  "/account": { screen: "account" },
};

export function routeOf(path: string): Route {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  const fixed = FIXED[plain];
  if (fixed) return fixed;
  const match = /^\/([^/]+)(?:\/(install|settings|verdicts))?$/.exec(plain);
  const domain = match?.[1] && decoded(match[1]);
  if (!domain) return { screen: "missing" };
  return { screen: (match?.[2] as SiteScreen | undefined) ?? "dashboard", domain };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Where to go after the login: only a path of ours, never another host. */
export function nextPath(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  return /^\/(?![/\\])/.test(next) ? next : "/";
}
