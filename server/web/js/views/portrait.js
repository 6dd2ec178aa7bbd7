/** The mark beside her messages: a drop of her light, and in it her face with what she felt, where the server paints it. */

import { attribute, h } from "../dom.js";
import { tint } from "../emotions.js";
import { faceAlt } from "../strings.js";

/** @param {(chat: string, emotion: string, strength: number|null) => Promise<string|null>} portrait */
export function portraitView(portrait) {
  const image = h("img", { class: "portrait", alt: "", width: "40", height: "40", decoding: "async" });
  const element = h("span", { class: "orb", "aria-hidden": "true" });
  let wanted = null;
  let shown = null;

  /** @param {{message: object, name: string, face: string|null, look: string|null}} item face: the chat, where she has a face */
  function update({ message, name, face, look }) {
    tint(element, message.emotion);
    attribute(image, "alt", message.emotion ? faceAlt(name, message.emotion) : "");
    const key = face && message.emotion ? `${face} ${look} ${message.emotion} ${message.strength}` : null;
    if (key === wanted) return;
    wanted = key;
    if (key !== null && key !== shown) show(key, face, message);
  }

  async function show(key, chat, { emotion, strength }) {
    const address = await portrait(chat, emotion, strength);
    if (wanted !== key) return;
    if (address === null) {
      wanted = null; // asked again with the next change of the message
      return;
    }
    shown = key;
    image.src = address;
    element.replaceChildren(image);
    element.classList.add("has-face");
    element.removeAttribute("aria-hidden");
  }

  return { element, update };
}
