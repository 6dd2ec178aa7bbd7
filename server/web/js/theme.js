/** Carries theme, text size and language over to the document; js/first-paint.js did so before the first paint. */

import { onSettings, settings } from "./settings.js";

const light = matchMedia("(prefers-color-scheme: light)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const BACKGROUND = { dark: "#0b1020", light: "#f7f3ec" };

function paint() {
  const { theme, text, language } = settings();
  const resolved = theme === "system" ? (light.matches ? "light" : "dark") : theme;
  const root = document.documentElement;
  root.dataset.theme = resolved;
  root.dataset.text = text;
  root.lang = language;
  document.querySelector("meta[name=theme-color]").content = BACKGROUND[resolved];
  document.dispatchEvent(new CustomEvent("themechange"));
}

export function followTheme() {
  paint();
  onSettings(paint);
  light.addEventListener("change", paint);
  still.addEventListener("change", paint);
}

export function isLight() {
  return document.documentElement.dataset.theme === "light";
}

export function wantsStillness() {
  return still.matches;
}
