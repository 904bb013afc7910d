// Checked by the compiler and never run: what the published types allow, and what they refuse.
import type { Options, Weir } from "../src/weir";

declare module "../src/weir" {
  interface Events {
    signup: { plan: "gold" | "silver"; seats?: number };
  }
}

export function uses(weir: Weir) {
  weir.track("signup", { plan: "gold" });
  weir.track("anything", { text: "a", number: 1, flag: true, none: null, absent: undefined });
  weir.track("paid", undefined, { revenue: { amount: "12.34", currency: "EUR" }, interactive: false });
  // @ts-expect-error there is no such plan
  weir.track("signup", { plan: "iron" });
  // @ts-expect-error properties are flat
  weir.track("anything", { nested: {} });
  // @ts-expect-error an amount has a currency
  weir.purchase(1);
  weir.debug();
  weir.debug(false);
  window.weir.q.push(["track", "early", { a: 1 }]);
  window.weir.q.push(["debug"]);
  // @ts-expect-error there is no such function
  window.weir.q.push(["send"]);
}

export const options: Options[] = [
  {
    capture: ["clicks", "404"],
    depths: [10, 90],
    with: ["screen"],
    beforeSend: (event) => event.name && event,
  },
  // @ts-expect-error there is no such capture
  { capture: "keys" },
];
