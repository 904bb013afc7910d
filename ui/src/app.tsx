import { useEffect, useState } from "preact/hooks";
import { redirectOf } from "./access";
import { errorText } from "./api";
import { Dashboard } from "./dashboard/dashboard";
import { Failure, Skeleton } from "./parts/notice";
import { TipLayer } from "./parts/tip";
import { go, place, route } from "./router";
import type { Route, SiteScreen as SiteScreenName } from "./routes";
import { Account } from "./screens/account";
import { HealthScreen } from "./screens/health";
import { Install } from "./screens/install";
import { LedgerScreen } from "./screens/ledger";
import { Login } from "./screens/login";
import { NewSite } from "./screens/newsite";
import { SiteSettings } from "./screens/settings";
import { Setup } from "./screens/setup";
import { Page, Shell } from "./screens/shell";
import { SitesList } from "./screens/sites";
import { VerdictsScreen } from "./screens/verdicts";
import { loadSession, loadSites, mayEnter, session, sites } from "./session";

export function App() {
  const [error, setError] = useState<unknown>(null);
  const start = () => {
    setError(null);
    loadSession().catch(setError);
  };
  useEffect(start, []);
  return (
    <>
      {error ? (
        <main class="grid min-h-dvh place-items-center">
          <Failure text={errorText(error)} onRetry={start} />
        </main>
      ) : (
        session.value && <Door />
      )}
      <TipLayer />
    </>
  );
}

function Door() {
  const current = session.value;
  const who = { setup: Boolean(current?.setup_required), inside: current !== null && mayEnter(current) };
  const address = place.value.path + place.value.search;
  const redirect = redirectOf(route.value, who, address);
  useEffect(() => {
    // Whoever has moved on in the meantime is asked again there.
    if (redirect && address === place.value.path + place.value.search) go(redirect, { replace: true });
  }, [redirect, address]);
  if (redirect) return null;
  if (route.value.screen === "setup") return <Setup />;
  if (route.value.screen === "login") return <Login />;
  return <Inside />;
}

function Inside() {
  const [error, setError] = useState<unknown>(null);
  const start = () => {
    setError(null);
    loadSites().catch(setError);
  };
  useEffect(start, []);
  const ready = sites.value !== null;
  return (
    <Shell>
      {error && !ready ? <Failure text={errorText(error)} onRetry={start} /> : null}
      {ready ? <Screen /> : !error && <FirstPaint />}
    </Shell>
  );
}

function Screen() {
  const current = route.value;
  useTitle(current);
  switch (current.screen) {
    case "home":
      return <Home />;
    case "sites":
      return <SitesList />;
    case "new-site":
      return <NewSite />;
    case "ledger":
      return <LedgerScreen />;
    case "health":
      return <HealthScreen />;
    case "account":
      return <Account />;
    case "dashboard":
    case "install":
    case "settings":
    case "verdicts":
      return <SiteScreen domain={current.domain} screen={current.screen} />;
    default:
      return <Missing what="There is nothing at this address." />;
  }
}

function Home() {
  const all = sites.value?.sites ?? [];
  const only = all.length === 1 ? all[0] : undefined;
  const target = all.length === 0 ? "/sites/new" : only && `/${encodeURIComponent(only.domain)}`;
  useEffect(() => {
    if (target) go(target, { replace: true });
  }, [target]);
  return target ? null : <SitesList />;
}

function SiteScreen({ domain, screen }: { domain: string; screen: SiteScreenName }) {
  const site = sites.value?.sites.find((one) => one.domain === domain);
  const waits = site !== undefined && !site.has_events && screen === "dashboard";
  useEffect(() => {
    if (waits) go(`/${encodeURIComponent(domain)}/install`, { replace: true });
  }, [waits, domain]);
  if (!site) return <Missing what={`${domain} is no site here.`} />;
  if (waits) return null;
  if (screen === "install") return <Install key={domain} site={site} />;
  if (screen === "settings") return <SiteSettings key={domain} site={site} />;
  if (screen === "verdicts") return <VerdictsScreen key={domain} site={site} />;
  return <Dashboard key={domain} site={site} />;
}

function Missing({ what }: { what: string }) {
  return (
    <Page title="Not found" lead={what}>
      <a class="button" href="/sites">
        All sites
      </a>
    </Page>
  );
}

function FirstPaint() {
  return (
    <div class="mx-auto max-w-[76rem] px-3 pt-3 sm:px-6" aria-busy="true">
      <Skeleton class="h-9 w-48" />
    </div>
  );
}

const TITLES: Partial<Record<Route["screen"], string>> = {
  sites: "Sites",
  "new-site": "Add a site",
  ledger: "Ledger",
  health: "Health",
  account: "Account",
};

function useTitle(current: Route): void {
  const name = "domain" in current ? current.domain : TITLES[current.screen];
  useEffect(() => {
    document.title = name ? `${name} · Weir` : "Weir";
  }, [name]);
}
