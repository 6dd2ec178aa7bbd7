/** What the user chose on this device. */

import { readJson, writeJson } from "./storage.js";

const DEFAULTS = {
  language: "ko", // "ko" | "en"
  theme: "system", // "system" | "dark" | "light"
  text: "normal", // "small" | "normal" | "large" | "huge"
  sendKey: "enter", // "enter" | "ctrl"
  modelHint: null, // the line about larger models: true, false, or null: where there is room for it
  meters: null, // the attribute meters are unfolded; null as above
};

const listeners = new Set();
let current = { ...DEFAULTS, ...readJson("settings", {}) };

export function settings() {
  return current;
}

export function change(values) {
  current = { ...current, ...values };
  writeJson("settings", current);
  for (const listener of listeners) listener(current, Object.keys(values));
}

/** Calls `listener(settings, changedNames)` on every change. */
export function onSettings(listener) {
  listeners.add(listener);
}
