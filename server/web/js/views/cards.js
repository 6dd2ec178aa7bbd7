/** Whom to talk to: the cards, their greetings, and cards in and out. */

import { attribute, h, keyed, setText } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../strings.js";
import { iconButton } from "./button.js";
import { confirm, openDialog } from "./dialog.js";

/** @param {string|null} chosen id of the card to show first */
export function openCards(session, chosen = null) {
  const list = h("ul", { class: "cards", role: "radiogroup", "aria-label": t("cardsTitle") });
  const loading = h("p", { class: "loading", role: "status" }, t("cardsLoading"));
  const greeting = h("fieldset", { class: "greetings" });
  const begin = h("button", { type: "button", class: "button primary", disabled: true }, t("startChat"));
  const picker = h("input", { type: "file", hidden: true, accept: ".png,.json", tabindex: "-1" });
  const bring = h(
    "button",
    { type: "button", class: "button", on: { click: () => picker.click() } },
    icon("upload"),
    t("importCard"),
  );
  let cards = [];

  const show = keyed(list, {
    key: (card) => card.id,
    create: (card) => cardRow(card, { choose, save: () => session.exportCard(card.id), remove }),
  });
  picker.addEventListener("change", async () => {
    const done = await session.importFile(picker.files[0]);
    picker.value = "";
    if (done?.card) choose(done.card);
  });
  begin.addEventListener("click", async () => {
    const value = greeting.querySelector("input:checked")?.value ?? "";
    begin.disabled = true;
    const isDone = await session.newChat({ card: chosen, greeting: value === "" ? undefined : Number(value) });
    begin.disabled = false;
    if (isDone) dialog.close();
  });
  const onChange = () => update();
  session.addEventListener("change", onChange);
  const dialog = openDialog({
    title: t("cardsTitle"),
    kind: "cards-window",
    content: [
      h("p", { class: "dialog-text" }, t("cardsText")),
      h("div", { class: "dialog-scroll" }, loading, list, greeting),
      h("div", { class: "dialog-actions" }, bring, begin),
      picker,
    ],
    onClose: () => session.removeEventListener("change", onChange),
  });
  update();
  session.loadCards();

  function choose(id) {
    chosen = id;
    update();
  }

  async function remove(card) {
    if (await confirm({ title: t("deleteCardTitle"), text: t("deleteCardText", card.name) })) session.deleteCard(card.id);
  }

  function update() {
    const known = session.state.cards;
    loading.hidden = known !== null;
    if (known === null || (known === cards && list.dataset.chosen === chosen)) return;
    cards = known;
    if (!cards.some((card) => card.id === chosen)) chosen = cards[0]?.id ?? null;
    list.dataset.chosen = chosen;
    show(cards.map((card) => ({ ...card, isChosen: card.id === chosen })));
    begin.disabled = chosen === null;
    showGreetings(cards.find((card) => card.id === chosen));
  }

  function showGreetings(card) {
    greeting.hidden = !card || card.greetings.length < 2;
    if (greeting.hidden) {
      greeting.replaceChildren();
      return;
    }
    const option = (value, text, checked) =>
      h("label", { class: "greeting" }, h("input", { type: "radio", name: "greeting", value, checked }), h("span", {}, text));
    greeting.replaceChildren(
      h("legend", {}, t("greeting")),
      option("", t("greetingAuto"), true),
      ...card.greetings.map((text, index) => option(String(index), text, false)),
    );
  }

  return { choose };
}

function cardRow(card, act) {
  const radio = h("input", { type: "radio", name: "card", value: card.id, on: { change: () => act.choose(card.id) } });
  const name = h("b");
  const by = h("span", { class: "card-by" });
  const about = h("span", { class: "card-about" });
  const tags = h("span", { class: "card-tags" });
  const element = h(
    "li",
    { class: "card" },
    h("label", {}, radio, h("span", { class: "card-words" }, h("span", { class: "card-name" }, name, by), about, tags)),
    h(
      "span",
      { class: "card-tools" },
      iconButton("download", `${card.name}: ${t("exportCard")}`, act.save, "small"),
      card.builtin ? null : iconButton("trash", `${card.name}: ${t("deleteCard")}`, () => act.remove(card), "small"),
    ),
  );

  function update(next) {
    radio.checked = next.isChosen;
    element.classList.toggle("chosen", next.isChosen);
    setText(name, next.name);
    setText(by, next.builtin ? t("builtin") : next.creator ? t("by", next.creator) : "");
    setText(about, next.description);
    setText(tags, next.tags.slice(0, 6).map((tag) => `#${tag}`).join(" "));
    attribute(tags, "hidden", next.tags.length === 0);
  }

  return { element, update };
}
