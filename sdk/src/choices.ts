import { endpoint } from "./config";
import { awaitsConsent, refusal, say } from "./consent";
import { drain, flush, forget } from "./delivery";
import { track } from "./events";
import { guard } from "./guard";
import { keepDebug } from "./store";
import { finish } from "./turns";
import type { Props, Status } from "./weir";

/** From now on this visitor is not counted here, and what waits is let go. */
function optOut() {
  finish();
  say("true");
  forget();
}

/** Takes an `optOut` back, and gives the consent that a site may have to wait for. */
function optIn() {
  finish();
  say("false");
  flush();
  drain();
}

function status(): Status {
  finish();
  if (!endpoint) return "off";
  return refusal() || (awaitsConsent() ? "consent" : "counted");
}

/** What becomes of every event of this tab is told at the console, from now on or no more. */
function debug(on?: boolean) {
  finish();
  keepDebug(on !== false);
  console.info("weir: debug", on === false ? "off" : "on");
}

function purchase(amount: number | string, currency: string, props?: Props) {
  track("purchase", props, { revenue: { amount, currency } });
}

export const choices = {
  purchase: guard(purchase),
  optOut: guard(optOut),
  optIn: guard(optIn),
  debug: guard(debug),
  status,
};
