/** What she remembers of the user: to read, search, add, change, pin and have forgotten. */

import { attribute, h, keyed, setText } from "../dom.js";
import { icon } from "../icons.js";
import { isComposing } from "../keys.js";
import { t } from "../strings.js";
import { brief, calendarDay, day, fullDate } from "../time.js";
import { iconButton } from "./button.js";
import { confirm, openDialog } from "./dialog.js";

export const KINDS = ["fact", "preference", "event", "promise", "relationship", "boundary"];
const LONGEST = 200; // characters of a memory, as the server counts them
const PAUSE_MS = 220;
const SOON_MS = 60;

/**
 * @param {string} name of the character
 * @param {string|null} looked id of a memory to be shown first
 */
export function openMemories(session, name, looked = null) {
  const ui = { kind: null, query: "", editing: null };
  let found = null; // entries, or null while unknown
  let counts = {};
  let more = null;
  let pages = 1;
  let asked = 0;
  let timer;

  const search = h("input", {
    type: "search",
    class: "field",
    placeholder: t("memorySearch"),
    "aria-label": t("memorySearch"),
    maxlength: String(LONGEST),
    autocomplete: "off",
    enterkeyhint: "search",
  });
  const kinds = h("div", { class: "memory-kinds", role: "radiogroup", "aria-label": t("memoryKinds") });
  const list = h("ul", { class: "memories" });
  const status = h("p", { class: "memory-status", role: "status" });
  const next = h("button", { type: "button", class: "older", hidden: true, on: { click: readOn } }, t("memoryMore"));
  const scroller = h("div", { class: "dialog-scroll", tabindex: "-1" }, status, list, next);
  const adding = addForm((kind, text) => session.addMemory(kind, text));
  const show = keyed(list, {
    key: (item) => item.key,
    create: (item) => (item.heading ? headingRow(item) : memoryRow(item, act)),
  });
  const act = {
    pin: (memory) => session.editMemory(memory.id, { pinned: !memory.pinned }),
    edit: (memory) => editing(memory.id),
    cancel: (memory) => {
      editing(null);
      toolOf(memory.id, "edit")?.focus();
    },
    save: async (memory, text) => {
      if (text !== memory.text && !(await session.editMemory(memory.id, { text }))) return;
      editing(null);
      toolOf(memory.id, "edit")?.focus();
    },
    forget: async (memory) => {
      const text = t("memoryForgetText", memory.text);
      if (!(await confirm({ title: t("memoryForgetTitle"), text, action: t("memoryForget") }))) return;
      const at = [...list.querySelectorAll(".memory")].findIndex((row) => row.dataset.memory === memory.id);
      if (!(await session.forgetMemory(memory.id))) return;
      found = found.filter((other) => other.id !== memory.id);
      update();
      // The focus stays in the list, where the row was.
      const rows = list.querySelectorAll(".memory");
      (rows[Math.min(at, rows.length - 1)]?.querySelector("[data-tool=forget]") ?? search).focus();
    },
  };

  const onMemory = () => {
    clearTimeout(timer);
    timer = setTimeout(load, SOON_MS);
  };
  session.addEventListener("memory", onMemory);
  session.addEventListener("phase", onMemory);
  const dialog = openDialog({
    title: t("memoryTitle", name),
    kind: "memory-window",
    content: [h("div", { class: "memory-search" }, search), kinds, scroller, adding.element],
    onClose: () => {
      clearTimeout(timer);
      session.removeEventListener("memory", onMemory);
      session.removeEventListener("phase", onMemory);
    },
  });
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      ui.query = search.value.trim();
      load();
    }, PAUSE_MS);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isComposing(event)) event.preventDefault();
  });
  // Esc leaves what is being written before it leaves the window.
  dialog.addEventListener("cancel", (event) => {
    if (ui.editing === null) return;
    event.preventDefault();
    act.cancel({ id: ui.editing });
  });
  showKinds();
  update();
  load();
  if (matchMedia("(hover: hover)").matches) search.focus();

  async function load() {
    asked += 1;
    const mine = asked;
    const answer = ui.query ? await session.searchMemories(ui.query) : await pagesOf(ui.kind);
    // A slower answer to an earlier question is of no interest any more.
    if (mine !== asked || answer === null || !dialog.open) return;
    found = ui.query && ui.kind ? answer.memories.filter((memory) => memory.kind === ui.kind) : answer.memories;
    more = answer.more;
    if (!ui.query) counts = answer.counts;
    showKinds();
    update();
  }

  /** As many pages as are on screen. */
  async function pagesOf(kind) {
    let answer = null;
    let memories = [];
    for (let page = 0; page < pages; page += 1) {
      answer = await session.listMemories(kind, answer?.more ?? null);
      if (answer === null) return null;
      memories = [...memories, ...answer.memories];
      if (answer.more === null) break;
    }
    return { ...answer, memories };
  }

  async function readOn() {
    const last = list.lastElementChild;
    pages += 1;
    await load();
    last?.nextElementSibling?.querySelector("button")?.focus();
  }

  function choose(kind) {
    ui.kind = kind;
    pages = 1;
    found = null;
    scroller.scrollTop = 0;
    load();
  }

  function showKinds() {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    if (kinds.childElementCount === 0) {
      kinds.append(
        ...[null, ...KINDS].map((kind) =>
          h(
            "label",
            { data: { kind: kind ?? "" } },
            h("input", { type: "radio", name: "memory-kind", checked: kind === null, on: { change: () => choose(kind) } }),
            h("span", {}, t(kind ? `kind_${kind}` : "memoryAll"), h("i", {})),
          ),
        ),
      );
    }
    for (const label of kinds.children) {
      const count = label.dataset.kind ? (counts[label.dataset.kind] ?? 0) : total;
      setText(label.querySelector("i"), count ? String(count) : "");
      label.hidden = count === 0 && label.dataset.kind !== "" && label.dataset.kind !== ui.kind;
    }
    kinds.hidden = total === 0;
  }

  function editing(id) {
    ui.editing = id;
    update();
  }

  function toolOf(id, tool) {
    return list.querySelector(`[data-memory="${CSS.escape(id)}"] [data-tool="${tool}"]`);
  }

  function update() {
    const rows = found ?? [];
    const items = [];
    const isGrouped = !ui.query;
    for (const kind of isGrouped ? KINDS : [null]) {
      const ofKind = kind === null ? rows : rows.filter((memory) => memory.kind === kind);
      if (kind !== null && ofKind.length > 0) items.push({ key: `# ${kind}`, heading: kind });
      // Pinned ones first; otherwise the order the server gave.
      const sorted = isGrouped ? [...ofKind].sort((a, b) => Number(b.pinned) - Number(a.pinned)) : ofKind;
      items.push(...sorted.map((memory) => ({ key: memory.id, memory, isEditing: ui.editing === memory.id })));
    }
    show(items);
    next.hidden = more === null || Boolean(ui.query);
    status.textContent = statusText(rows);
    status.hidden = status.textContent === "";
    if (looked !== null && found !== null) point();
  }

  function statusText(rows) {
    if (found === null) return session.phase === "ready" ? t("memoryLoading") : t("offline");
    if (ui.query) return rows.length ? t("memoryFound", rows.length) : t("memoryNotFound", ui.query);
    return rows.length ? "" : t("memoryNone", name);
  }

  function point() {
    const row = list.querySelector(`[data-memory="${CSS.escape(looked)}"]`);
    looked = null;
    if (!row) return;
    row.classList.add("looked");
    row.scrollIntoView({ block: "center", behavior: "instant" });
    row.querySelector("button").focus({ preventScroll: true });
  }
}

function headingRow({ heading }) {
  return { element: h("li", { class: "memory-heading" }, h("h3", {}, t(`kind_${heading}`))), update: () => {} };
}

function memoryRow(item, act) {
  let now = item.memory;
  let form = null;
  const pinned = icon("pin");
  const text = h("p", { class: "memory-text" });
  const words = h("span", {});
  text.append(pinned, words);
  const days = h("p", { class: "memory-days" });
  const quote = h("q", { class: "memory-quote" });
  const said = h("time", {});
  const source = h("p", { class: "memory-source" }, quote, said);
  const earlier = h("ul", { class: "memory-earlier" });
  const tool = (name, kind, label, run) => {
    const button = iconButton(name, label, run, "small");
    button.dataset.tool = kind;
    return button;
  };
  const pin = tool("pin", "pin", t("memoryPin"), () => act.pin(now));
  const tools = h(
    "span",
    { class: "memory-tools", role: "group" },
    pin,
    tool("pencil", "edit", t("edit"), () => act.edit(now)),
    tool("trash", "forget", t("memoryForget"), () => act.forget(now)),
  );
  const body = h("div", { class: "memory-body" }, text, days, source, earlier);
  const element = h("li", { class: "memory" }, body, tools);

  function update({ memory, isEditing }) {
    now = memory;
    element.dataset.memory = memory.id;
    element.classList.toggle("past", memory.state === "superseded");
    attribute(pinned, "hidden", !memory.pinned);
    setText(words, memory.text);
    const span = spanText(memory);
    setText(days, span);
    days.hidden = span === "";
    setText(quote, memory.quote);
    quote.hidden = memory.quote === "";
    setText(said, memory.quote ? day(memory.said) : t("memoryByHand", day(memory.said)));
    said.dateTime = new Date(memory.said * 1000).toISOString();
    said.title = fullDate(memory.said);
    earlier.replaceChildren(
      ...memory.earlier.map((old) => h("li", {}, `${t("memoryEarlier")} `, h("s", {}, old.text), ` · ${brief(old.said)}`)),
    );
    earlier.hidden = memory.earlier.length === 0;
    pin.setAttribute("aria-pressed", String(memory.pinned));
    tools.setAttribute("aria-label", memory.text);
    tools.hidden = isEditing || memory.state === "superseded";
    edit(isEditing);
  }

  function edit(isEditing) {
    if (isEditing === (form !== null)) return;
    form?.remove();
    form = null;
    text.hidden = isEditing;
    if (!isEditing) return;
    const input = textField(t("memoryEdit"), now.text);
    form = h(
      "form",
      { class: "memory-form" },
      input,
      h("button", { type: "button", class: "button small", on: { click: () => act.cancel(now) } }, t("cancel")),
      h("button", { type: "submit", class: "button primary small" }, t("save")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.value.trim()) act.save(now, input.value.trim());
    });
    body.prepend(form);
    queueMicrotask(() => input.focus());
  }

  return { element, update };
}

function spanText({ kind, valid_from: from, valid_until: until }) {
  if (from === null) return "";
  const [first, last] = [calendarDay(from), until === null ? null : calendarDay(until)];
  if (kind !== "event" && kind !== "promise") return "";
  return last === null || last === first ? t("memoryOn", first) : t("memorySpan", first, last);
}

function textField(label, value = "") {
  const input = h("input", {
    type: "text",
    class: "field",
    "aria-label": label,
    maxlength: String(LONGEST),
    autocomplete: "off",
    prop: { value },
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && isComposing(event)) event.preventDefault();
  });
  return input;
}

/** The line at the foot, for what she should know without having been told. */
function addForm(add) {
  const input = textField(t("memoryAddLabel"));
  input.placeholder = t("memoryAddPlaceholder");
  const kind = h(
    "select",
    { class: "field", "aria-label": t("memoryKinds") },
    ...KINDS.map((name) => h("option", { value: name }, t(`kind_${name}`))),
  );
  const save = h("button", { type: "submit", class: "button primary", disabled: true }, t("memoryAdd"));
  const element = h("form", { class: "memory-add" }, kind, input, save);
  input.addEventListener("input", () => (save.disabled = !input.value.trim()));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    save.disabled = true;
    if (await add(kind.value, text)) input.value = "";
    save.disabled = !input.value.trim();
    input.focus();
  });
  return { element };
}
