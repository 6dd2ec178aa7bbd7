/** The operator's page. It holds nothing itself: all it shows comes over the socket, and the server checks each request. */

import { Connection, NoAnswer, Refused } from "./connection.js";
import { h, setText } from "./dom.js";
import { settings } from "./settings.js";
import { read } from "./storage.js";
import { categoryName, errorText, speak, t } from "./strings.js";
import { followTheme } from "./theme.js";
import { fullDate } from "./time.js";
import { toastsView } from "./views/toasts.js";

const FILTERS = ["all", "standing", "appeals", "lifted"];
const STATS = [
  ["adminDecisions", "decisions"],
  ["adminWeek", "last_week"],
  ["adminAccounts", "accounts"],
  ["adminBanned", "banned"],
  ["adminWaiting", "waiting"],
];

speak(settings().language);
followTheme();

const toasts = toastsView();
const message = h("p", { class: "admin-message", role: "status" });
const tiles = h("dl", { class: "tiles" });
const counts = h("tbody");
const list = h("ul", { class: "record", "aria-label": t("adminDecisions") });
const more = h("button", { type: "button", class: "button", hidden: true, on: { click: () => load(next) } }, t("adminMore"));
const account = h("input", { type: "search", class: "field", "aria-label": t("adminAccount"), placeholder: t("adminAccount") });
const body = h("div", { class: "admin-inner", hidden: true }, overview(), tools(), list, more);
let only = "all";
let next = null;
let isInside = false;
let asked = 0; // the last request for a list: answers to earlier ones come too late

document.getElementById("app").append(
  h(
    "main",
    { class: "admin" },
    h(
      "div",
      { class: "admin-inner" },
      h(
        "header",
        { class: "admin-head" },
        h("h1", {}, t("adminTitle")),
        h("a", { class: "button", href: "/" }, t("adminBack")),
      ),
      message,
    ),
    body,
  ),
);
document.body.append(toasts.element);
document.title = `${t("adminTitle")} · 오로라`;

const connection = new Connection({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
  hello: () => ({ token: read("token"), last_seq: {} }),
  onMessage: receive,
  onPicture: () => {},
  onStatus: statusChanged,
});
if (read("token")) connection.start();
else setText(message, t("adminLogin"));

function receive({ type, data }) {
  if (type === "welcome") isInside = data.operator;
}

async function statusChanged(status) {
  if (status === "refused") setText(message, t("adminLogin"));
  else if (status === "lost") setText(message, t("adminLost"));
  else if (status === "ready") {
    setText(message, isInside ? "" : t("adminRefused"));
    body.hidden = !isInside;
    if (isInside) await refresh();
  }
}

async function ask(type, data = {}) {
  try {
    return (await connection.request(type, data))[0].data;
  } catch (error) {
    if (error instanceof Refused) toasts.show({ kind: "error", text: errorText(error.code, error.message) });
    else if (error instanceof NoAnswer) toasts.show({ kind: "error", text: t("noAnswer") });
    else throw error;
    return null;
  }
}

function refresh() {
  return Promise.all([count(), load()]);
}

async function count() {
  const found = await ask("admin.stats");
  if (!found) return;
  tiles.replaceChildren(
    ...STATS.map(([label, name]) => h("div", { class: "tile" }, h("dt", {}, t(label)), h("dd", {}, String(found[name])))),
  );
  const rows = Object.entries(found.categories).sort(([, a], [, b]) => b.warn + b.ban + b.care - (a.warn + a.ban + a.care));
  counts.replaceChildren(
    ...rows.map(([category, row]) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, categoryName(category)),
        ...["warn", "ban", "care", "lifted"].map((name) => h("td", {}, String(row[name]))),
      ),
    ),
  );
  counts.parentElement.hidden = rows.length === 0;
}

async function load(before = null) {
  asked += 1;
  const mine = asked;
  const name = account.value.trim();
  const found = await ask("admin.list", { only, ...(name && { account: name }), ...(before && { before }) });
  if (!found || mine !== asked) return;
  const rows = found.decisions.map(row);
  if (before) list.append(...rows);
  else list.replaceChildren(...(rows.length > 0 ? rows : [h("li", { class: "record-status" }, t("adminNone"))]));
  next = found.more;
  more.hidden = next === null;
}

function overview() {
  const heads = ["adminCategory", "step_warn", "step_ban", "step_care", "adminLiftedCount"];
  return h(
    "section",
    { class: "record", "aria-label": t("adminStats") },
    tiles,
    h("table", { class: "counts", hidden: true }, h("thead", {}, h("tr", {}, ...heads.map((key) => h("th", { scope: "col" }, t(key))))), counts),
  );
}

function tools() {
  const choose = (value) => () => {
    only = value;
    load();
  };
  const choices = FILTERS.map((value) =>
    h(
      "label",
      {},
      h("input", { type: "radio", name: "only", value, checked: value === "all", on: { change: choose(value) } }),
      h("span", {}, t(`only_${value}`)),
    ),
  );
  const form = h("form", {}, account, h("button", { type: "submit", class: "button" }, t("adminSearch")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    load();
  });
  const group = h("div", { class: "choices", role: "radiogroup", "aria-label": t("adminFilter") }, ...choices);
  return h("div", { class: "admin-tools" }, group, form);
}

function row(decision) {
  const isBan = decision.step === "ban";
  const until = decision.until === null ? t("conductUntilEver") : t("conductUntil", fullDate(decision.until));
  const facts = [
    [t("adminAccount"), decision.account],
    [t("adminWhen"), fullDate(decision.created)],
    isBan && [t("adminUntil"), until],
    [t("adminRule"), `${decision.rule} · ${t("adminScore", decision.score.toFixed(2), decision.severity)}`],
    decision.normalized && [t("adminNormalized"), decision.normalized],
    decision.decided && [t(`conductState_${decision.state}`), t("adminDecidedBy", decision.decided_by, fullDate(decision.decided))],
  ].filter(Boolean);
  return h(
    "li",
    { class: `record-row admin-row ${decision.step} ${decision.state}`, data: { decision: decision.id } },
    h(
      "div",
      { class: "record-head" },
      h("b", {}, `${t(`step_${decision.step}`)} · ${categoryName(decision.category)}`),
      decision.step !== "care" && h("span", { class: "badge" }, t(`conductState_${decision.state}`)),
    ),
    h("blockquote", {}, decision.text || t("adminWordsGone")),
    h("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    decision.appeal && h("p", { class: "appealed" }, `${t("adminAppeal")}: ${decision.appeal}`),
    decision.answer && h("p", {}, t("conductAnswer", decision.answer)),
    decision.state !== "lifted" && decision.step !== "care" && decideForm(decision),
  );
}

function decideForm(decision) {
  const answer = h("input", {
    type: "text",
    class: "field",
    maxlength: "500",
    "aria-label": t("adminAnswerLabel"),
    placeholder: t("adminAnswerLabel"),
  });
  const decide = async (state) => {
    for (const button of [lift, uphold]) button.disabled = true;
    const done = await ask("admin.decide", { decision: decision.id, state, answer: answer.value.trim() });
    if (done) {
      toasts.show({ kind: "info", text: t("adminDone", done.decisions.length) });
      await refresh();
    }
    for (const button of [lift, uphold]) button.disabled = false;
  };
  const button = (name, label, state) =>
    h("button", { type: "button", class: `button ${name}`, on: { click: () => decide(state) } }, t(label));
  const lift = button("primary", "adminLift", "lifted");
  const uphold = button("", "adminUphold", "upheld");
  const isOpen = decision.state === "given" || decision.appeal;
  return h("form", { on: { submit: (event) => event.preventDefault() } }, answer, lift, isOpen && decision.state === "given" && uphold);
}
