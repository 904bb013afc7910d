import { type Config, readConfig } from "./config";
import { Delivery } from "./delivery";
import { idMaker } from "./ids";
import { Store } from "./store";
import type { Props, TrackOptions, Weir } from "./weir";

type Page = Window & typeof globalThis & { weir?: Partial<Weir> & { q?: unknown } };

const ENGAGED_MS_MIN = 1e3;
const ENGAGED_MS_MAX = 144e5;

/** The visitor has said no: looked up for every event, so that it holds from that moment on. */
function refused(page: Page, config: Config): boolean {
  const { navigator } = page;
  try {
    if (/^(1|true)$/.test(page.localStorage.weir_ignore)) return true;
  } catch {}
  return !!(
    (config.dnt && navigator.doNotTrack === "1") ||
    (config.gpc && (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl)
  );
}

/** Whatever goes wrong in here stays in here. */
function guard<A extends unknown[]>(work: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      work(...args);
    } catch {}
  };
}

export function start(page: Page): void {
  const config = readConfig(page.document);
  const early = page.weir;
  if (!config || early?.flush) return;
  const { document, history, location } = page;
  const delivery = new Delivery(page, config.endpoint, new Store(page, config.noStorage));
  const newId = idMaker(page.crypto);
  let viewed: string | undefined;
  let visibleSince = page.performance.now();

  const add = (type: string, fields: object) => {
    if (refused(page, config)) return;
    const id = newId();
    const json = JSON.stringify({
      id,
      type,
      timestamp: Date.now(),
      // The fragment may carry a secret, and counts only where a site routes by it.
      url: config.hash ? location.href : location.href.split("#")[0],
      hash: config.hash || undefined,
      webdriver: page.navigator.webdriver || undefined,
      ...fields,
    });
    delivery.add([id, json]);
  };

  const view = () => {
    const first = viewed === undefined;
    viewed = location.pathname + (config.hash ? location.hash : "");
    add("pageview", { referrer: (first && document.referrer.split(/[?#]/)[0]) || undefined });
  };

  const viewIfMoved = () => {
    if (viewed !== location.pathname + (config.hash ? location.hash : "")) view();
  };

  const track = (name: string, props?: Props, options?: TrackOptions) => {
    const { revenue, interactive } = options || {};
    add("event", { name: `${name}`, props, revenue, interactive });
  };

  const hidden = () => {
    const engaged = Math.round(page.performance.now() - visibleSince);
    visibleSince = Number.POSITIVE_INFINITY;
    if (engaged >= ENGAGED_MS_MIN) add("engagement", { engaged: Math.min(engaged, ENGAGED_MS_MAX) });
  };

  const on = (target: EventTarget, type: string, work: (event: Event) => void) =>
    target.addEventListener(type, guard(work));

  const api: Weir = {
    track: guard(track),
    page: guard(view),
    flush: guard(() => delivery.flush()),
  };
  const call = guard(([name, ...args]: [keyof Weir, ...unknown[]]) => (api[name] as (...a: unknown[]) => void)(...args));
  page.weir = Object.assign(api, { q: { push: call } });

  on(document, "visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      hidden();
      delivery.flush();
    } else visibleSince = page.performance.now();
  });
  on(page, "pagehide", () => {
    hidden();
    delivery.leave();
  });
  on(page, "online", () => delivery.drain());
  on(page, "pageshow", (event) => {
    if ((event as PageTransitionEvent).persisted) {
      visibleSince = page.performance.now();
      if (config.auto) view();
    }
  });

  if (config.auto) {
    for (const name of ["pushState", "replaceState"] as const) {
      const original = history[name];
      history[name] = function (this: History, ...args) {
        original.apply(this, args);
        guard(viewIfMoved)();
      };
    }
    on(page, "popstate", viewIfMoved);
    on(page, "hashchange", viewIfMoved);
    if ((document as { prerendering?: boolean }).prerendering) on(document, "prerenderingchange", viewIfMoved);
    else guard(view)();
  }
  if (Array.isArray(early?.q)) early.q.forEach(call);
  delivery.schedule();
}
