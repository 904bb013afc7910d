// Country names and flags from what the browser knows: no list, no image, no request.

import { locale } from "./format";

let names: Intl.DisplayNames | undefined;

export function countryName(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code === "" ? "(unknown)" : code;
  names ??= new Intl.DisplayNames([locale], { type: "region", fallback: "code" });
  return names.of(code) ?? code;
}

export function flag(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return "🏳";
  return String.fromCodePoint(...[...code].map((letter) => 0x1f1e6 + letter.charCodeAt(0) - 65));
}
