/** The window in which her face is chosen: galleries that follow the hearts that were given. */

import { attribute, h, setText } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../strings.js";
import { confirm, openDialog } from "./dialog.js";

const GALLERY = 12;
const MOST_HEARTS = 5;
const KNOWN_RATINGS = 12; // from so many on the page says that it follows
const LIKELY = 3.6; // the expected rating from which a face is marked
const MOST_LIKELY = 3; // faces that are marked at most

/** @param {import("../session.js").Session} session */
export function openTaste(session, name) {
  const ui = { round: 0, gender: "card", faces: [], chosen: null, isBusy: false, current: null, ratings: 0 };
  const cards = new Map(); // id → card

  const portrait = h("img", { class: "face-now", alt: t("faceNow"), width: "72", height: "72", hidden: true });
  const now = h("b", {});
  const status = h("p", { class: "face-status", role: "status" }, t("faceDrawing"));
  const first = h("button", { type: "button", class: "link", hidden: true, on: { click: goBack } }, t("faceFirst"));
  const forget = h("button", { type: "button", class: "link", hidden: true, on: { click: forgetAll } }, t("faceForget"));
  const list = h("ul", { class: "face-gallery", "aria-label": t("faceGallery") });
  const scroller = h("div", { class: "dialog-scroll", tabindex: "-1" }, list);
  const next = h("button", { type: "button", class: "button", on: { click: () => load(ui.round + 1) } }, t("faceNext"));
  const take = h("button", { type: "button", class: "button primary", disabled: true, on: { click: choose } }, t("faceTake"));

  const onFace = ({ detail }) => showCurrent(detail);
  session.addEventListener("face", onFace);
  const dialog = openDialog({
    title: t("faceChooseTitle", name),
    kind: "taste",
    content: [
      h(
        "div",
        { class: "face-head" },
        portrait,
        h("div", { class: "face-words" }, now, status, h("p", { class: "face-ways" }, first, forget)),
        genders(),
      ),
      scroller,
      h("div", { class: "dialog-actions" }, h("span", { class: "face-keys" }, t("faceKeys")), next, take),
    ],
    onClose: () => session.removeEventListener("face", onFace),
  });
  load(0);

  function genders() {
    const option = (value) =>
      h(
        "label",
        {},
        h("input", { type: "radio", name: "face-gender", value, checked: value === ui.gender, on: { change: () => show(value) } }),
        h("span", {}, t(`faceGender_${value}`)),
      );
    const show = (value) => {
      ui.gender = value;
      load(0);
    };
    return h(
      "div",
      { class: "choices face-genders", role: "radiogroup", "aria-label": t("faceGender") },
      option("card"),
      option("all"),
    );
  }

  async function load(round) {
    if (ui.isBusy) return;
    busy(true);
    const { gender } = ui;
    const answer = await session.faceGallery(round, gender);
    if (!dialog.open) return;
    busy(false);
    if (gender !== ui.gender) {
      load(0); // asked for otherwise meanwhile
      return;
    }
    if (answer === null) {
      setText(status, t("faceFailed"));
      attribute(list, "aria-busy", null);
      if (ui.faces.length === 0) list.replaceChildren();
      return;
    }
    Object.assign(ui, { round, faces: answer.faces, ratings: answer.ratings, chosen: null });
    showFaces();
    showCurrent(answer.current);
    scroller.scrollTop = 0;
    if (round > 0) list.querySelector("button")?.focus({ preventScroll: true });
  }

  function busy(isBusy) {
    ui.isBusy = isBusy;
    next.disabled = isBusy;
    if (!isBusy) return;
    take.disabled = true;
    attribute(list, "aria-busy", "true");
    setText(status, t("faceDrawing"));
    if (ui.faces.length === 0) list.replaceChildren(...Array.from({ length: GALLERY }, () => h("li", { class: "face-card empty" })));
  }

  function showFaces() {
    const likely = new Set(ui.faces.filter((face) => (face.expected ?? 0) >= LIKELY).slice(0, MOST_LIKELY));
    cards.clear();
    ui.faces.forEach((face, index) =>
      cards.set(face.id, faceCard(face, index + 1, likely.has(face), { rate: (rating) => rate(face.id, rating), select })),
    );
    list.replaceChildren(...[...cards.values()].map((card) => card.element));
    attribute(list, "aria-busy", null);
    update();
  }

  function showCurrent(current) {
    ui.current = current;
    portrait.src = `data:${current.media_type};base64,${current.base64}`;
    portrait.hidden = false;
    update();
  }

  function update() {
    if (ui.current) setText(now, t(ui.current.id === null ? "faceNowFirst" : "faceNowOwn"));
    first.hidden = !ui.current || ui.current.id === null;
    forget.hidden = ui.ratings === 0;
    if (!ui.isBusy) {
      const how = ui.ratings === 0 ? "faceHow" : ui.ratings < KNOWN_RATINGS ? "faceLearning" : "faceKnown";
      setText(status, t(how, ui.ratings));
    }
    take.disabled = ui.isBusy || ui.chosen === null || ui.chosen === ui.current?.id;
    for (const [id, card] of cards) card.update(id === ui.chosen, id === ui.current?.id);
  }

  function select(id) {
    ui.chosen = ui.chosen === id ? null : id;
    update();
  }

  /** Resolves to whether the hearts are stored. */
  async function rate(id, rating) {
    const count = await session.rateFace(id, rating);
    if (count === null) return false;
    ui.ratings = count;
    if (dialog.open) update();
    return true;
  }

  async function choose() {
    take.disabled = true;
    if (await session.chooseFace(ui.chosen)) session.notice("info", t("faceTaken", name), "face");
    if (dialog.open) update();
  }

  async function goBack() {
    if (!(await session.resetFace(false))) return;
    session.notice("info", t("faceFirstDone"), "face");
    if (dialog.open) next.focus();
  }

  async function forgetAll() {
    if (!(await confirm({ title: t("faceForgetTitle"), text: t("faceForgetText"), action: t("faceForget") }))) return;
    if (!(await session.resetFace(true)) || !dialog.open) return;
    session.notice("info", t("faceForgotten"), "face");
    next.focus();
    load(0);
  }
}

/** A face: its picture, which can be pressed, and five hearts. */
function faceCard(face, number, isLikely, act) {
  let given = null;
  const image = h("img", { src: `data:${face.media_type};base64,${face.base64}`, alt: "", width: "256", height: "256" });
  const mark = h("span", { class: "face-mark", "aria-hidden": "true", hidden: true }, icon("check"));
  const press = h(
    "button",
    { type: "button", class: "face-picture", "aria-pressed": "false", "aria-label": t("faceNumber", number), on: { click: () => act.select(face.id) } },
    image,
    mark,
    isLikely && h("span", { class: "face-likely" }, t("faceLikely")),
  );
  const hearts = Array.from({ length: MOST_HEARTS }, (_, index) => heart(index + 1));
  const row = h("div", { class: "hearts", role: "radiogroup", "aria-label": t("faceRating", number) }, ...hearts);
  const element = h("li", { class: "face-card", data: { face: face.id }, on: { keydown: onKey } }, press, row);

  function heart(count) {
    let before = null; // what was given when the heart was pressed
    const input = h("input", {
      type: "radio",
      name: `hearts-${face.id}`,
      value: String(count),
      "aria-label": t("faceHearts", count),
      on: {
        pointerdown: () => (before = given),
        change: () => give(count),
        // A second press on the same heart takes it back; the keyboard has 0 for that.
        click: ({ detail }) => detail > 0 && before === count && give(null),
      },
    });
    return h("label", {}, input, icon("heart"));
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const count = Number(event.key);
    if (!/^[0-5]$/.test(event.key)) return;
    event.preventDefault();
    give(count === 0 ? null : count);
  }

  async function give(rating) {
    if (rating === given) return;
    const before = given;
    show(rating);
    if (!(await act.rate(rating)) && given === rating) show(before);
  }

  function show(rating) {
    given = rating;
    hearts.forEach((label, index) => {
      label.classList.toggle("given", rating !== null && index < rating);
      label.firstElementChild.checked = rating === index + 1;
    });
  }

  function update(isChosen, isCurrent) {
    press.setAttribute("aria-pressed", String(isChosen));
    element.classList.toggle("chosen", isChosen);
    element.classList.toggle("current", isCurrent);
    mark.hidden = !isChosen && !isCurrent;
  }

  return { element, update };
}

/** The part of the settings from which the window is opened; null where she has no face. */
export function tasteSetting(session, name) {
  if (!session.state.hasFace) return null;
  return h(
    "section",
    { class: "setting account-row" },
    h("div", {}, h("h3", {}, t("faceSetting")), h("p", { class: "setting-hint" }, t("faceSettingHint", name))),
    h("button", { type: "button", class: "button", on: { click: () => openTaste(session, name) } }, t("faceChoose")),
  );
}
