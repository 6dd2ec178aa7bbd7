/** Warnings, bans and help: the mark below a message, the banner in place of the box, appeals, and the user's own record. */

import { h, setText } from "../dom.js";
import { icon } from "../icons.js";
import { categoryName, t } from "../strings.js";
import { length } from "../text.js";
import { duration, fullDate } from "../time.js";
import { openDialog } from "./dialog.js";
import { fit } from "./growing.js";

const APPEAL_LIMIT = 500;

function canAppeal(decision) {
  return decision.step !== "care" && decision.state === "given" && !decision.appealed;
}

function helpLines(kind) {
  return h(
    "ul",
    { class: kind },
    ...t("careLines").map(({ number, name, when }) =>
      h(
        "li",
        {},
        h(
          "a",
          { href: `tel:${number}`, "aria-label": t("careCall", name, number) },
          icon("phone"),
          h("b", {}, number),
          h("span", {}, name),
          h("span", { class: "help-when" }, when),
        ),
      ),
    ),
  );
}

/**
 * What stands below a message that was objected to, or below her answer to a cry for help.
 *
 * @param {() => object} get the item of the message: decision (of js/store.js)
 * @param {object} act appeal(decision)
 */
export function markView(get, act) {
  const element = h("div", { class: "conduct", hidden: true });
  let shown;

  function update() {
    const { decision = null } = get();
    if (decision === shown) return;
    shown = decision;
    element.hidden = decision === null;
    element.className = `conduct ${decision?.step ?? ""} ${decision?.state ?? ""}`;
    element.replaceChildren(...(decision ? parts(decision) : []));
  }

  function parts(decision) {
    if (decision.step === "care") {
      return [h("b", { class: "conduct-title" }, icon("heart"), t("careTitle")), h("p", {}, t("careText")), helpLines("help-lines")];
    }
    const isBan = decision.step === "ban";
    const title = t(isBan ? "conductBanned" : "conductWarned", categoryName(decision.category));
    const text = t(isBan ? "conductBannedText" : "conductWarnedText");
    return [
      h("b", { class: "conduct-title" }, icon("shield"), h("span", {}, title)),
      h("p", {}, decision.state === "lifted" ? t("conductLifted") : decision.state === "upheld" ? t("conductUpheld") : text),
      decision.state === "given" && !canAppeal(decision) && h("p", { class: "conduct-sent" }, t("conductAppealed")),
      canAppeal(decision) &&
        h("button", { type: "button", class: "link", on: { click: () => act.appeal(decision) } }, t("conductAppeal")),
    ].filter(Boolean);
  }

  return { element, update };
}

/**
 * What stands in place of the box while a ban holds.
 *
 * @param {object} act now: the server's clock in seconds; banOver; appeal(decision)
 */
export function banView(act) {
  const title = h("b", { class: "ban-title" }, icon("shield"), h("span", {}, t("banTitle")));
  const reason = h("p", { class: "ban-reason" });
  const left = h("p", { class: "ban-left", role: "timer", "aria-live": "off" });
  const appeal = h("button", { type: "button", class: "button small", on: { click: () => act.appeal({ id: ban.decision }) } }, t("conductAppeal"));
  const help = h("div", { class: "ban-help" }, h("span", {}, t("banHelp")), helpLines("help-lines small"));
  const words = h("div", { class: "ban-words", role: "alert" }, title, reason);
  const element = h("section", { class: "banned", hidden: true, "aria-label": t("banTitle") }, words, left, appeal, help);
  let ban = null;
  let timer = null;

  function update(now) {
    if (now === ban) return;
    ban = now;
    clearInterval(timer);
    element.hidden = ban === null;
    if (ban === null) return;
    setText(reason, t("banReason", categoryName(ban.category)));
    setText(appeal, t(ban.appealed ? "conductAppealed" : "conductAppeal"));
    appeal.disabled = ban.appealed;
    tick();
    if (ban.until !== null) timer = setInterval(tick, 1000);
  }

  function tick() {
    if (ban.until === null) {
      setText(left, t("banForever"));
      return;
    }
    const seconds = Math.ceil(ban.until - act.now());
    if (seconds > 0) {
      setText(left, t("banLeft", duration(seconds)));
      left.title = t("banUntil", fullDate(ban.until));
    } else {
      clearInterval(timer);
      act.banOver();
    }
  }

  return { element, update, remove: () => clearInterval(timer) };
}

/** Asks for the user's objection and sends it. Resolves to whether it was sent. */
export function openAppeal(session, decision) {
  return new Promise((resolve) => {
    let isSent = false;
    const box = h("textarea", {
      class: "field appeal-box",
      rows: "4",
      "aria-label": t("appealLabel"),
      placeholder: t("appealPlaceholder"),
    });
    const counter = h("span", { class: "counter", role: "status" });
    const send = h("button", { type: "submit", class: "button primary", disabled: true }, t("appealSend"));
    const form = h(
      "form",
      { class: "dialog-form appeal" },
      h("p", { class: "appeal-text" }, t("appealText")),
      box,
      h(
        "div",
        { class: "dialog-actions" },
        counter,
        h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, t("cancel")),
        send,
      ),
    );
    const dialog = openDialog({ title: t("appealTitle"), kind: "prompt", content: [form], onClose: () => resolve(isSent) });
    box.addEventListener("input", () => {
      const over = length(box.value.trim()) - APPEAL_LIMIT;
      setText(counter, over > 0 ? t("tooLong", over) : "");
      counter.classList.toggle("over", over > 0);
      send.disabled = over > 0 || !box.value.trim();
      fit(box);
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      isSent = await session.appeal(decision, box.value.trim());
      if (isSent) {
        session.notice("info", t("appealDone"), "appeal");
        dialog.close();
      } else send.disabled = false;
    });
    box.focus();
  });
}

/** The part of the settings from which the record is opened; null where nothing is judged. */
export function conductSetting(session) {
  if (!session.state.hasConduct) return null;
  return h(
    "section",
    { class: "setting account-row" },
    h("div", {}, h("h3", {}, t("conductTitle")), h("p", { class: "setting-hint" }, t("conductHint"))),
    h(
      "div",
      { class: "conduct-ways" },
      session.state.isOperator && h("a", { class: "button", href: "/admin" }, t("adminOpen")),
      h("button", { type: "button", class: "button", on: { click: () => openRecord(session) } }, t("conductOpen")),
    ),
  );
}

/** The user's own warnings and bans: why, until when, and what came of an appeal. */
export async function openRecord(session) {
  const list = h("ul", { class: "record", "aria-label": t("conductTitle") });
  const status = h("p", { class: "record-status", role: "status" }, t("conductLoading"));
  openDialog({ title: t("conductTitle"), kind: "conduct-record", content: [h("div", { class: "dialog-scroll" }, status, list)] });
  await load();

  async function load() {
    const decisions = await session.listDecisions();
    setText(status, decisions === null ? "" : decisions.length === 0 ? t("conductNone") : "");
    list.replaceChildren(...(decisions ?? []).map(row));
  }

  function row(decision) {
    const until = decision.until === null ? t("conductUntilEver") : t("conductUntil", fullDate(decision.until));
    const appeal = async () => (await openAppeal(session, decision.id)) && load();
    return h(
      "li",
      { class: `record-row ${decision.step} ${decision.state}` },
      h(
        "div",
        { class: "record-head" },
        h("b", {}, `${t(`step_${decision.step}`)} · ${categoryName(decision.category)}`),
        h("span", { class: "badge" }, t(`conductState_${decision.state}`)),
      ),
      h("blockquote", {}, decision.text || t("conductWordsGone")),
      h("p", {}, [fullDate(decision.created), decision.step === "ban" && until].filter(Boolean).join(" · ")),
      decision.appeal && h("p", {}, t("conductYourAppeal", decision.appeal)),
      decision.answer && h("p", { class: "record-answer" }, t("conductAnswer", decision.answer)),
      canAppeal(decision) && h("button", { type: "button", class: "link", on: { click: appeal } }, t("conductAppeal")),
    );
  }
}
