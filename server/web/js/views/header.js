/** The line above the conversation: which chat, which model speaks, and the way to the stage on small screens. */

import { h, setText } from "../dom.js";
import { CALM, tint } from "../emotions.js";
import { change, settings } from "../settings.js";
import { feeling } from "../store.js";
import { emotionName, t } from "../strings.js";
import { iconButton } from "./button.js";

const LARGER = [
  "python -m server --llm kakaocorp/kanana-1.5-2.1b-instruct-2505",
  "python -m server --llm http://localhost:11434/v1",
];

const roomy = matchMedia("(min-width: 760px)");

function isHinting() {
  return settings().modelHint ?? roomy.matches;
}

/** @param {object} go openDrawer, toggleStage, openMemories */
export function headerView(go) {
  const title = h("h1", { class: "talk-title" });
  const model = h("button", {
    type: "button",
    class: "model",
    "aria-expanded": "false",
    on: { click: () => change({ modelHint: !isHinting() }) },
  });
  const modelName = h("span", { class: "model-name" });
  const badge = h("span", { class: "badge" }, t("bundled"));
  model.append(modelName, badge);
  const menu = iconButton("menu", t("openMenu"), go.openDrawer, "only-drawer");
  menu.setAttribute("aria-controls", "sidebar");
  const memory = iconButton("memory", t("memoryOpen"), () => go.openMemories());
  const orb = h("span", { class: "orb" });
  const word = h("span", { class: "feeling" });
  const stage = h(
    "button",
    { type: "button", class: "stage-open", "aria-controls": "stage", on: { click: go.toggleStage } },
    orb,
    word,
  );
  const hint = h(
    "div",
    { class: "model-hint", role: "note" },
    h(
      "p",
      {},
      t("modelHint"),
      " ",
      h("code", {}, LARGER[0]),
      ` ${t("modelHintOr")} `,
      h("code", {}, LARGER[1].replace("python -m server ", "")),
    ),
    iconButton("close", t("closeHint"), () => change({ modelHint: false }), "small"),
  );
  const element = h("header", { class: "talk-head" }, menu, h("div", { class: "talk-names" }, title, model), memory, stage);

  function update(state, { stageOpen }) {
    const summary = state.chats.find((chat) => chat.id === state.current);
    const chat = state.open[state.current];
    const felt = chat ? feeling(chat) : null;
    setText(title, summary ? summary.title : "오로라");
    document.title = summary ? `${summary.title} · ${summary.character}` : "오로라";
    if (state.model) {
      setText(modelName, state.model.name);
      model.title = t("speaks", state.model.name);
      model.setAttribute("aria-label", t("modelButton", state.model.name));
    }
    model.hidden = !state.model;
    badge.hidden = !state.model?.bundled;
    model.disabled = !state.model?.bundled;
    hint.hidden = !state.model?.bundled || !isHinting();
    model.setAttribute("aria-expanded", String(!hint.hidden));
    memory.hidden = !state.hasMemory;
    tint(orb, felt?.emotion);
    setText(word, emotionName(felt?.emotion ?? CALM));
    stage.setAttribute("aria-label", `${t(stageOpen ? "hideStage" : "showStage")}: ${word.textContent}`);
    stage.setAttribute("aria-expanded", String(stageOpen));
  }

  return { element, hint, update };
}
