/** Short notices at the edge of the page that leave by themselves. */

import { h } from "../dom.js";
import { t } from "../strings.js";
import { iconButton } from "./button.js";
import { isDialogOpen } from "./dialog.js";

const STAY_MS = 5000;
const MOST = 3;

export function toastsView() {
  const element = h("div", { class: "toasts", role: "status", "aria-live": "polite", popover: "manual" });

  function show({ kind, text, topic }) {
    const close = iconButton("close", t("close"), () => leave());
    const toast = h("div", { class: `toast ${kind}`, data: { topic: topic ?? text } }, h("span", {}, text), close);
    let timer;
    const leave = () => {
      clearTimeout(timer);
      toast.remove();
    };
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(leave, kind === "error" ? STAY_MS * 1.6 : STAY_MS);
    };
    // Who is reading it, or about to press its button, is not hurried.
    toast.addEventListener("pointerenter", () => clearTimeout(timer));
    toast.addEventListener("pointerleave", wait);
    for (const same of [...element.children].filter((other) => other.dataset.topic === toast.dataset.topic)) same.remove();
    element.append(toast);
    while (element.children.length > MOST) element.firstChild.remove();
    raise();
    wait();
  }

  /** A modal window covers the page; what is shown as a popover after it stands above it. */
  function raise() {
    if (!element.showPopover) return;
    const isOpen = element.matches(":popover-open");
    if (isOpen && isDialogOpen()) element.hidePopover();
    if (!element.matches(":popover-open")) element.showPopover();
  }

  return { element, show };
}
