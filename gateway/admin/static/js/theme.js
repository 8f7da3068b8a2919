import { store } from "./store.js";

export const THEMES = ["auto", "light", "dark"];

/** Chooses a theme for good; "auto" is what the system wishes. */
export function wear(theme) {
  store.theme = theme;
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("kimi-admin.theme", theme);
}
