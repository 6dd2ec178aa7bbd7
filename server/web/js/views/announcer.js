/** Reads finished replies to screen readers; words that are still coming would be noise. */

import { h } from "../dom.js";
import { t } from "../strings.js";

const KEPT = 3;

export function announcerView() {
  const element = h("div", { class: "hidden", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
  element.setAttribute("aria-label", t("conversation"));

  function say(name, text) {
    element.append(h("p", {}, t("says", name, text)));
    while (element.children.length > KEPT) element.firstChild.remove();
  }

  return { element, say };
}
