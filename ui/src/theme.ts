// Light, dark, or as the system says; the choice is remembered on this device only.

import { computed, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "weir.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener("change", () => {
  systemIsDark.value = systemDark.matches;
});

const chosen = document.documentElement.dataset.theme;
export const theme = signal<Theme>(chosen === "light" || chosen === "dark" ? chosen : "system");
export const isDark = computed(() =>
  theme.value === "system" ? systemIsDark.value : theme.value === "dark",
);

export function setTheme(next: Theme): void {
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
  theme.value = next;
}
