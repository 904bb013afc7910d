// Who is logged in, and which sites there are: shared by every screen.

import { signal } from "@preact/signals";
import { api, onLoggedOut, onSiteGone, type Session, type Sites } from "./api";

export const session = signal<Session | null>(null);
export const sites = signal<Sites | null>(null);

onLoggedOut(() => {
  sites.value = null;
  if (session.value?.user) session.value = { ...session.value, user: null };
});

/** Its screens say from now on that it is no site here. */
export function forgetSite(domain: string): void {
  const known = sites.value;
  if (known) sites.value = { ...known, sites: known.sites.filter((site) => site.domain !== domain) };
}

onSiteGone(forgetSite);

export async function loadSession(): Promise<void> {
  session.value = await api.session();
}

export async function loadSites(): Promise<Sites> {
  const answer = await api.sites();
  sites.value = answer;
  return answer;
}

export function mayEnter(current: Session): boolean {
  return current.demo || current.user !== null;
}

export async function logOut(): Promise<void> {
  await api.logout();
  sites.value = null;
  await loadSession();
}
