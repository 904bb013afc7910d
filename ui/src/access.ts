import { nextPath, type Route } from "./routes";

/** Where somebody may be right now; null when the address is already right. */
export function redirectOf(
  current: Route,
  who: { setup: boolean; inside: boolean },
  address: string,
): string | null {
  const { screen } = current;
  if (who.setup) return screen === "setup" ? null : "/setup";
  if (!who.inside) {
    if (screen === "login") return null;
    return address === "/" || screen === "setup" ? "/login" : `/login?next=${encodeURIComponent(address)}`;
  }
  // Where they wanted to go before the login, whoever is first to send them there.
  if (screen === "login") return nextPath(address.slice(address.indexOf("?") + 1));
  return screen === "setup" ? "/" : null;
}
