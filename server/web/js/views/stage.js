/** Where she is seen: her face before her feeling as light, and the feeling in words and in numbers. */

import { ATTRIBUTES } from "../attributes.js";
import { Aurora } from "../aurora.js";
import { h, keyed, setText } from "../dom.js";
import { CALM, tint } from "../emotions.js";
import { icon } from "../icons.js";
import { change, settings } from "../settings.js";
import { feeling } from "../store.js";
import { emotionName, t } from "../strings.js";
import { iconButton } from "./button.js";
import { faceView } from "./face.js";
import { openTaste } from "./taste.js";

const AT_REST = 0.4; // strength shown before she has said how she feels

/** @param {import("../session.js").Session} session */
export function stageView(session) {
  const sky = h("canvas", { class: "sky", "aria-hidden": "true" });
  const face = faceView(session);
  const aurora = new Aurora(sky);
  const name = h("span", { class: "stage-name" });
  const word = h("span", { class: "stage-emotion" });
  const amount = h("span", { class: "strength-value" });
  const fill = h("span", { class: "strength-fill" });
  const strength = h(
    "div",
    { class: "strength", role: "meter", "aria-label": t("strength"), "aria-valuemin": "0", "aria-valuemax": "100" },
    fill,
  );
  const meters = h("ul", { class: "meters" });
  const none = h("p", { class: "meters-none" }, t("noMeters"));
  const show = keyed(meters, { key: (item) => item.name, create: (item) => meterRow(item.name) });
  const isOpen = settings().meters ?? matchMedia("(min-width: 1080px)").matches;
  const fold = h("details", { class: "meters-fold", open: isOpen }, h("summary", {}, t("meters"), icon("fold")), none, meters);
  // A press, not "toggle": that event comes for the first state as well.
  fold.firstChild.addEventListener("click", () => change({ meters: !fold.open }));
  const choose = iconButton("face", t("faceChoose"), () => openTaste(session, name.textContent), "face-choose");
  const frame = h("div", { class: "window" }, sky, face.element, choose);
  const element = h(
    "aside",
    { class: "stage", id: "stage" },
    frame,
    h(
      "div",
      { class: "stage-words" },
      h("p", { class: "stage-line" }, name, word, amount),
      strength,
    ),
    fold,
  );

  face.observe(frame);

  let shown = null;
  let shownChat = null;

  function update(state) {
    face.update(state);
    choose.hidden = !state.hasFace;
    const summary = state.chats.find((chat) => chat.id === state.current);
    const character = summary?.character ?? "오로라";
    const chat = state.open[state.current];
    const felt = chat ? feeling(chat) : null;
    setText(name, character);
    element.setAttribute("aria-label", t("stage", character));
    const key = JSON.stringify(felt);
    if (key === shown) return;
    const isFirst = state.current !== shownChat;
    shown = key;
    if (felt) shownChat = state.current;
    const emotion = felt?.emotion ?? CALM;
    const degree = felt?.strength ?? AT_REST;
    const percent = Math.round(degree * 100);
    aurora.feel(emotion, degree, isFirst);
    tint(document.documentElement, emotion); // the page takes a breath of her colour
    setText(word, emotionName(emotion));
    setText(amount, `${percent}%`);
    strength.setAttribute("aria-valuenow", String(percent));
    fill.style.transform = `scaleX(${degree})`;
    const values = Object.entries(felt?.attributes ?? {}).filter(([key]) => Object.hasOwn(ATTRIBUTES, key));
    show(values.map(([key, value]) => ({ name: key, value })));
    none.hidden = values.length > 0;
  }

  function remove() {
    aurora.remove();
    face.remove();
  }

  return { element, update, speak: () => aurora.speak(), remove };
}

/** A bar from the attribute's neutral value to the one it has. */
function meterRow(name) {
  const { low, high, neutral, unit = "" } = ATTRIBUTES[name];
  const share = (value) => (Math.min(high, Math.max(low, value)) - low) / (high - low);
  const digits = high - low > 10 ? 0 : 2;
  const fill = h("span", { class: "meter-fill" });
  const rest = h("span", { class: "meter-rest" });
  const number = h("span", { class: "meter-value" });
  const bar = h(
    "span",
    { class: "meter", role: "meter", "aria-label": t(name), "aria-valuemin": String(low), "aria-valuemax": String(high) },
    fill,
    rest,
  );
  rest.style.left = `${share(neutral) * 100}%`;
  const element = h("li", {}, h("span", { class: "meter-name" }, t(name)), bar, number);

  function update({ value }) {
    const [from, to] = [share(neutral), share(value)].sort((a, b) => a - b);
    fill.style.left = `${from * 100}%`;
    fill.style.width = `${(to - from) * 100}%`;
    setText(number, value.toFixed(digits).replace("-", "−") + unit);
    bar.setAttribute("aria-valuenow", String(value));
  }

  return { element, update };
}
