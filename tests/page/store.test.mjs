// The page's state, without a browser: `node --test tests/page/store.test.mjs`.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import * as store from "../../server/web/js/store.js";

const summary = (id, updated = 1, more = {}) => ({
  id,
  title: id,
  card: "aurora",
  character: "오로라",
  updated,
  preview: "",
  live: false,
  ...more,
});
const message = (id, parent, role, more = {}) => ({
  id,
  parent,
  role,
  text: id,
  status: "complete",
  emotion: null,
  strength: null,
  created: 1,
  good: null,
  model: null,
  turn: null,
  client_id: null,
  edited: false,
  ...more,
});
const welcome = (...chats) => ({
  type: "welcome",
  data: {
    account: "local",
    user_name: "민준",
    token: null,
    chats,
    model: { name: "mini", bundled: true },
    limits: { text: 4000, frame: 65536, upload: 100 },
    server: "1",
  },
});
const snapshot = (messages, active, seq = 10, id = "a") => ({
  type: "chat.snapshot",
  data: { chat: summary(id), messages, active, seq, face: null },
});
const event = (type, seq, data, chat = "a") => ({ type, chat, seq, data });
const after = (state, ...envelopes) => envelopes.reduce(store.apply, state);
const ids = (items) => items.map((item) => item.message.id);

const GREETING = message("g", null, "assistant");
const opened = () =>
  after(
    store.initialState(),
    welcome(summary("a")),
    snapshot([GREETING, message("u1", "g", "user"), message("r1", "u1", "assistant")], "r1"),
  );
const start = (seq = 11, user = message("u2", "r1", "user"), reply = message("r2", "u2", "assistant", { text: "", status: "live" })) =>
  event("turn.start", seq, { user, reply });

/** Freezes all that can be reached, so that a function which changes its argument throws. */
function frozen(value) {
  if (value === null || typeof value !== "object" || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    if (Object.hasOwn(value, "set")) return value;
    for (const name of ["set", "delete", "clear"]) {
      Object.defineProperty(value, name, { value: () => assert.fail("a map of an earlier state was changed") });
    }
    for (const each of value.values()) frozen(each);
    return value;
  }
  Object.freeze(value);
  for (const each of Object.values(value)) frozen(each);
  return value;
}

describe("a reply that is being written", () => {
  test("begins empty at the end of the active line and grows by each delta", () => {
    const state = after(
      opened(),
      start(),
      event("turn.delta", 12, { message: "r2", text: "안" }),
      event("turn.delta", 13, { message: "r2", text: "녕" }),
    );
    const chat = state.open.a;
    assert.equal(chat.live, "r2");
    assert.equal(chat.messages.get("r2").text, "안녕");
    assert.deepEqual(store.line(chat).map((each) => each.id), ["g", "u1", "r1", "u2", "r2"]);
  });

  test("takes her feeling from the face before the first word", () => {
    const face = { emotion: "기쁨", strength: 0.8, attributes: { smile: 0.7 } };
    const chat = after(opened(), start(), event("face.set", 12, face)).open.a;
    assert.deepEqual(chat.face, face);
    assert.equal(chat.messages.get("r2").emotion, "기쁨");
    assert.equal(chat.messages.get("r1").emotion, null);
  });

  test("is how she is seen before any face was set", () => {
    const messages = [message("g", null, "assistant", { emotion: "기쁨", strength: 0.6 }), message("u1", "g", "user")];
    const chat = after(store.initialState(), welcome(summary("a")), snapshot(messages, "u1")).open.a;
    assert.deepEqual(store.feeling(chat), { emotion: "기쁨", strength: 0.6, attributes: {} });
    assert.equal(store.feeling(opened().open.a), null);
  });

  test("is what the server says it is when it is done, and leaves a note when it did not end well", () => {
    const done = message("r2", "u2", "assistant", { text: "미안", status: "failed" });
    const chat = after(opened(), start(), event("turn.done", 12, { reply: done, reason: "failed", error: "모델이 쉬는 중이에요." })).open.a;
    assert.equal(chat.live, null);
    assert.equal(chat.messages.get("r2").text, "미안");
    assert.deepEqual(chat.notes.r2, { reason: "failed", error: "모델이 쉬는 중이에요." });
  });

  test("goes on in mid-word from a snapshot that holds its beginning", () => {
    const half = [GREETING, message("u1", "g", "user"), message("r1", "u1", "assistant", { text: "반가", status: "live" })];
    const state = after(
      store.initialState(),
      welcome(summary("a")),
      snapshot(half, "r1", 7),
      event("turn.delta", 8, { message: "r1", text: "워" }),
    );
    assert.equal(state.open.a.live, "r1");
    assert.equal(state.open.a.messages.get("r1").text, "반가워");
  });
});

describe("the order of events", () => {
  test("an event seen already changes nothing", () => {
    const state = after(opened(), start(), event("turn.delta", 12, { message: "r2", text: "안" }));
    assert.equal(store.apply(state, event("turn.delta", 12, { message: "r2", text: "안" })), state);
    assert.equal(store.apply(state, start(11)), state);
  });

  test("a gap makes the chat stale, later events wait, and a snapshot heals it", () => {
    const gap = after(opened(), start(), event("turn.delta", 13, { message: "r2", text: "녕" }));
    assert.deepEqual(store.staleChats(gap), ["a"]);
    assert.equal(gap.open.a.messages.get("r2").text, "");
    assert.equal(store.apply(gap, event("turn.delta", 14, { message: "r2", text: "!" })), gap);
    const whole = [GREETING, message("u1", "g", "user"), message("r1", "u1", "assistant", { text: "안녕!", status: "live" })];
    const healed = after(gap, snapshot(whole, "r1", 14), event("turn.delta", 14, { message: "r1", text: "!" }));
    assert.deepEqual(store.staleChats(healed), []);
    assert.equal(healed.open.a.messages.get("r1").text, "안녕!");
  });

  test("events of a chat that is not open are of no concern", () => {
    const state = opened();
    assert.equal(store.apply(state, { ...start(), chat: "elsewhere" }), state);
  });

  test("an unknown message changes nothing", () => {
    const state = opened();
    assert.equal(store.apply(state, { type: "image.ready", data: {} }), state);
  });

  test("hello names the last event of every chat held", () => {
    assert.deepEqual(store.lastSeen(after(opened(), start())), { a: 11 });
  });

  test("no earlier state is ever changed", () => {
    const envelopes = [
      start(),
      event("face.set", 12, { emotion: "기쁨", strength: 1, attributes: {} }),
      event("turn.delta", 13, { message: "r2", text: "응" }),
      event("turn.done", 14, { reply: message("r2", "u2", "assistant"), reason: "length", error: null }),
      event("message.marked", 15, { message: "r2", good: true }),
      event("message.added", 16, { message: message("r3", "u2", "assistant", { edited: true }) }),
      event("turn.picked", 17, { active: "r2" }),
      event("message.removed", 18, { messages: ["u2", "r2", "r3"], active: "r1" }),
      { type: "chat.changed", data: { chat: summary("b", 5) } },
      { type: "profile", data: { name: "서연" } },
      { type: "chat.removed", chat: "a", data: {} },
    ];
    let state = frozen(store.queue(opened(), { client_id: "c1", chat: "a", created: 1, kind: "send", text: "…" }));
    for (const envelope of envelopes) state = frozen(store.apply(state, envelope));
    assert.deepEqual(Object.keys(state.open), []);
  });
});

describe("the tree", () => {
  const branched = () =>
    after(opened(), event("turn.start", 11, { user: null, reply: message("r1b", "u1", "assistant", { status: "live" }) }));

  test("a retry stands beside the reply, oldest first", () => {
    const chat = branched().open.a;
    assert.deepEqual(store.variants(chat, chat.messages.get("r1b")), ["r1", "r1b"]);
    assert.deepEqual(store.line(chat).map((each) => each.id), ["g", "u1", "r1b"]);
  });

  test("picking moves the active line", () => {
    const chat = after(branched(), event("turn.picked", 12, { active: "r1" })).open.a;
    assert.deepEqual(store.line(chat).map((each) => each.id), ["g", "u1", "r1"]);
  });

  test("greetings are variants of the beginning", () => {
    const chat = after(
      store.initialState(),
      welcome(summary("a")),
      snapshot([GREETING, message("g2", null, "assistant")], "g2"),
    ).open.a;
    assert.deepEqual(store.variants(chat, chat.messages.get("g2")), ["g", "g2"]);
  });

  test("what is deleted leaves the variants too", () => {
    const chat = after(branched(), event("message.removed", 12, { messages: ["r1"], active: "r1b" })).open.a;
    assert.deepEqual(store.variants(chat, chat.messages.get("r1b")), ["r1b"]);
  });

  test("deleting the live reply ends the live turn for the page", () => {
    const chat = after(opened(), start(), event("message.removed", 12, { messages: ["u2", "r2"], active: "r1" })).open.a;
    assert.equal(chat.live, null);
  });

  test("a damaged tree that runs in a circle does not hang the page", () => {
    const state = after(
      store.initialState(),
      welcome(summary("a")),
      snapshot([message("x", "y", "user"), message("y", "x", "assistant")], "x"),
    );
    assert.equal(store.line(state.open.a).length, 2);
  });
});

describe("the list of chats", () => {
  test("stands newest first and follows changes", () => {
    const state = after(
      store.initialState(),
      welcome(summary("a", 1), summary("b", 2)),
      { type: "chat.changed", data: { chat: summary("a", 3, { title: "새 이름" }) } },
    );
    assert.deepEqual(state.chats.map((chat) => [chat.id, chat.title]), [["a", "새 이름"], ["b", "b"]]);
  });

  test("a removed chat leaves everything that held it", () => {
    const state = after(
      { ...store.queue(opened(), { client_id: "c1", chat: "a", created: 1, kind: "send", text: "…" }), current: "a" },
      { type: "chat.removed", chat: "a", data: {} },
    );
    assert.deepEqual([state.chats, Object.keys(state.open), state.current, state.outbox], [[], [], null, []]);
  });

  test("a chat deleted while the page was away is gone after the welcome", () => {
    const state = after({ ...opened(), current: "a" }, welcome(summary("b")));
    assert.deepEqual([Object.keys(state.open), state.current], [[], null]);
  });
});

describe("what was said and is on its way", () => {
  const saying = (state, text = "안녕", more = {}) =>
    store.queue(state, { client_id: "c1", chat: "a", created: 1, kind: "send", text, ...more });

  test("appears at once at the end of the conversation", () => {
    const items = store.shown(saying(opened()), "a");
    assert.deepEqual(ids(items), ["g", "u1", "r1", "c1"]);
    assert.equal(items.at(-1).entry.status, "waiting");
    assert.ok(store.isBusy(saying(opened()), "a"));
  });

  test("gives way to the server's message, whether the event or the acknowledgement comes first", () => {
    const ack = { type: "turn.ack", data: { client_id: "c1", message: "u2", duplicate: false } };
    const begun = start(11, message("u2", "r1", "user", { client_id: "c1" }));
    for (const order of [[ack, begun], [begun, ack]]) {
      const state = after(saying(opened()), ...order);
      assert.deepEqual(state.outbox, []);
      assert.deepEqual(ids(store.shown(state, "a")), ["g", "u1", "r1", "u2", "r2"]);
    }
  });

  test("stays on screen between the acknowledgement and the event", () => {
    const state = after(saying(opened()), { type: "turn.ack", data: { client_id: "c1", message: "u2", duplicate: false } });
    assert.equal(store.shown(state, "a").at(-1).entry.status, "acked");
    assert.deepEqual(store.ready(state), []);
  });

  test("is sent again after a loss, with the same client_id, until it is acknowledged", () => {
    const sent = store.changeEntry(saying(opened()), "c1", { status: "sent" });
    assert.deepEqual(store.ready(sent), []);
    assert.deepEqual(store.ready(store.disconnected(sent)).map((entry) => entry.client_id), ["c1"]);
    const acked = store.changeEntry(sent, "c1", { status: "acked" });
    assert.deepEqual(store.ready(store.disconnected(acked)), []);
  });

  test("is not shown twice when a snapshot has it already", () => {
    const state = after(saying(opened()), snapshot([GREETING, message("u9", "g", "user", { client_id: "c1" })], "u9"));
    assert.deepEqual(ids(store.shown(state, "a")), ["g", "u9"]);
  });

  test("a duplicate acknowledgement ends it", () => {
    const state = after(saying(opened()), { type: "turn.ack", data: { client_id: "c1", message: "gone", duplicate: true } });
    assert.deepEqual(state.outbox, []);
  });

  test("waits while the chat has a live turn, and behind what was said before it", () => {
    const second = store.queue(saying(opened()), { client_id: "c2", chat: "a", created: 2, kind: "send", text: "둘" });
    assert.deepEqual(store.ready(second).map((entry) => entry.client_id), ["c1"]);
    assert.deepEqual(store.ready(after(saying(opened()), start())), []);
  });

  test("that failed holds nothing up and does not keep the chat busy", () => {
    const failed = store.changeEntry(saying(opened()), "c1", { status: "failed", error: "…" });
    assert.equal(store.isBusy(failed, "a"), false);
    const next = store.queue(failed, { client_id: "c2", chat: "a", created: 2, kind: "send", text: "둘" });
    assert.deepEqual(store.ready(next).map((entry) => entry.client_id), ["c2"]);
  });

  test("an edit stands in the place of the message, without what followed it", () => {
    const state = saying(opened(), "고친 말", { kind: "edit", message: "u1" });
    const items = store.shown(state, "a");
    assert.deepEqual(ids(items), ["g", "c1"]);
    assert.equal(items.at(-1).message.role, "user");
  });

  test("an edited reply stays a reply and gives way to the added message", () => {
    const state = saying(opened(), "고친 대답", { kind: "edit", message: "r1" });
    assert.equal(store.shown(state, "a").at(-1).message.role, "assistant");
    const added = message("r1b", "u1", "assistant", { edited: true, client_id: "c1" });
    assert.deepEqual(after(state, event("message.added", 11, { message: added })).outbox, []);
  });

  test("a retry thinks in the place of the reply until the new one begins", () => {
    const state = saying(opened(), undefined, { kind: "retry", message: "r1" });
    const items = store.shown(state, "a");
    assert.deepEqual(ids(items), ["g", "u1", "c1"]);
    assert.equal(items.at(-1).message.status, "live");
    const acked = after(state, { type: "turn.ack", data: { client_id: "c1", message: "u1", duplicate: false } });
    assert.deepEqual(ids(store.shown(acked, "a")), ["g", "u1", "c1"]);
    const begun = after(acked, event("turn.start", 11, { user: null, reply: message("r1b", "u1", "assistant", { status: "live" }) }));
    assert.deepEqual(ids(store.shown(begun, "a")), ["g", "u1", "r1b"]);
  });

  test("a retry of an unanswered message keeps the message", () => {
    const alone = after(store.initialState(), welcome(summary("a")), snapshot([GREETING, message("u1", "g", "user")], "u1"));
    const items = store.shown(saying(alone, undefined, { kind: "retry", message: "u1" }), "a");
    assert.deepEqual(ids(items), ["g", "u1", "c1"]);
  });

  test("an edit of a message that is no longer on the line is still to be seen", () => {
    const state = saying(opened(), "고친 말", { kind: "edit", message: "elsewhere" });
    assert.equal(ids(store.shown(state, "a")).at(-1), "c1");
  });
});

describe("her memory", () => {
  const recalled = (id, text = id) => ({ id, text, kind: "fact", said: 1 });
  const asked = (message, ...ids) => ({ message, ids, texts: ids, settled: null });
  const talked = (...envelopes) => after(opened(), start(), ...envelopes);
  const broadcast = (type, data) => ({ type, data });

  test("what a reply recalls and asks about stands at the reply, by event or by snapshot", () => {
    const used = [recalled("x")];
    const state = talked(
      event("memory.used", 12, { message: "r2", memories: used }),
      event("memory.forget_asked", 13, asked("r2", "x")),
    );
    assert.deepEqual(state.open.a.used, { r2: used });
    assert.deepEqual(state.open.a.asked.r2.ids, ["x"]);
    const shot = snapshot([GREETING], "g");
    Object.assign(shot.data, { used: { g: used }, asked: [asked("g", "x")] });
    const fresh = after(opened(), shot);
    assert.deepEqual(fresh.open.a.used, { g: used });
    assert.deepEqual(Object.keys(fresh.open.a.asked), ["g"]);
  });

  test("what is forgotten leaves replies, chips and questions", () => {
    const state = talked(
      event("memory.used", 12, { message: "r2", memories: [recalled("x"), recalled("y")] }),
      event("memory.forget_asked", 13, asked("r2", "x")),
      broadcast("memory.saved", { message: "u2", memories: [recalled("x")] }),
      broadcast("memory.saved", { message: "u1", memories: [recalled("z")] }),
    );
    assert.deepEqual(Object.keys(state.saved), ["u2", "u1"]);
    const left = after(state, broadcast("memory.forgotten", { ids: ["x"], message: null }));
    assert.deepEqual(left.open.a.used.r2.map((memory) => memory.id), ["y"]);
    assert.deepEqual(left.open.a.asked, {});
    assert.deepEqual(Object.keys(left.saved), ["u1"]);
  });

  test("a no takes the question away and nothing else", () => {
    const state = talked(
      event("memory.used", 12, { message: "r2", memories: [recalled("x")] }),
      event("memory.forget_asked", 13, asked("r2", "x")),
    );
    const left = after(state, broadcast("memory.forgotten", { ids: [], message: "r2" }));
    assert.deepEqual(left.open.a.asked, {});
    assert.equal(left.open.a.used, state.open.a.used);
  });

  test("a question that was answered meanwhile is not asked when it is replayed", () => {
    const state = talked(event("memory.forget_asked", 12, { ...asked("r2"), settled: "kept" }));
    assert.deepEqual(state.open.a.asked, {});
  });

  test("a memory changed by hand is changed where it was shown as saved", () => {
    const state = after(
      talked(broadcast("memory.saved", { message: "u2", memories: [recalled("x"), recalled("y")] })),
      broadcast("memory.changed", { memory: recalled("x", "new") }),
    );
    assert.deepEqual(state.saved.u2.map((memory) => memory.text), ["new", "y"]);
  });

  test("a chat that is opened anew shows what was saved in it", () => {
    const whole = snapshot([GREETING, message("u1", "g", "user")], "u1");
    const state = after(store.initialState(), welcome(summary("a")), {
      ...whole,
      data: { ...whole.data, saved: { u1: [recalled("x")] } },
    });
    assert.deepEqual(state.saved.u1.map((memory) => memory.id), ["x"]);
  });
});
