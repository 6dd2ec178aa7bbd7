import { h } from "../dom.js";
import { icon } from "../icons.js";

/**
 * A button that shows only an icon; its label is there for screen readers and on hovering.
 *
 * @param {string} kind further class names: "small", "outlined", "only-drawer"
 */
export function iconButton(name, label, act, kind = "") {
  const names = kind ? `icon-button ${kind}` : "icon-button";
  return h("button", { type: "button", class: names, "aria-label": label, title: label, on: { click: act } }, icon(name));
}
