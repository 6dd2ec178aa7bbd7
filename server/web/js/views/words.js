/** What somebody said, as text nodes: *actions* become <em>, everything else is plain, newlines are kept by the style sheet. */

import { h } from "../dom.js";
import { pieces } from "../text.js";

export function wordsView() {
  const element = h("div", { class: "words" });
  let text = null;
  let wasLive = false;

  function update(next, isLive) {
    if (next === text && isLive === wasLive) return;
    if (isLive && wasLive && next.startsWith(text) && !onActionLine(next, text.length)) grow(next.slice(text.length));
    else rebuild(next);
    text = next;
    wasLive = isLive;
    element.classList.toggle("live", isLive);
  }

  /** New words come in by themselves, so that they can fade in while the rest stays untouched. */
  function grow(added) {
    if (added) element.append(h("span", { class: "fresh" }, added));
  }

  function rebuild(whole) {
    element.replaceChildren(...pieces(whole).map((piece) => (piece.action ? h("em", {}, piece.text) : piece.text)));
  }

  return { element, update };
}

/** Does a line touched by the text from `from` on carry an asterisk? An action may then open or close, further back. */
function onActionLine(text, from) {
  return text.indexOf("*", text.lastIndexOf("\n", from - 1) + 1) !== -1;
}
