import { option } from "./config";
import { answerFusionaly } from "./fusionaly";
import { guard } from "./guard";
import { answerPlausible } from "./plausible";
import { api, start } from "./start";
import type { EarlyCall, Options } from "./weir";

interface Early {
  config?: Options;
  flush?: unknown;
}

/** The tracker as a classic script: its tag says how it is set, and its functions are in one global object. */
function install() {
  const tag = (document.currentScript ||
    document.querySelector('[src*="/y/api/v1/"]')) as HTMLScriptElement | null;
  const name = (FULL && tag && tag.getAttribute("data-name")) || "weir";
  const early = window[name as "weir"] as Early | undefined;
  // The tag is there twice, or cannot be found.
  if ((early && early.flush) || !start(tag, FULL && early ? early.config : undefined)) return;
  const call = guard(([name, ...args]: EarlyCall) => (api[name] as (...args: unknown[]) => void)(...args));
  api.q = { push: call };
  window[name as "weir"] = api;
  if (OLDER) guard(answerFusionaly)();
  // Its older tags name a domain, and its newer ones nothing: there the path is left to tell.
  if (FULL && tag && (option("domain") || /\/js\//.test(tag.src))) guard(answerPlausible)();
  // Throws where there was no such queue; there is nothing left to do then.
  (early as { q: EarlyCall[] }).q.forEach(call);
}

guard(install)();
