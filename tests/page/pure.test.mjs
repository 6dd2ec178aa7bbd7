// The page's other pure parts: `node --test tests/page/pure.test.mjs`.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { backoff } from "../../server/web/js/connection.js";
import { isComposing, isLetter, isSend } from "../../server/web/js/keys.js";
import { STRINGS } from "../../server/web/js/strings.js";
import { length, marked, particle, pieces } from "../../server/web/js/text.js";
import { section } from "../../server/web/js/time.js";
import { kindOf } from "../../server/web/js/upload.js";

describe("text", () => {
  test("asterisks around words make an action, and all else stays as it was written", () => {
    assert.deepEqual(pieces("음… *웃으며* 그래"), [
      { action: false, text: "음… " },
      { action: true, text: "웃으며" },
      { action: false, text: " 그래" },
    ]);
    for (const plain of ["2 * 3 * 4", "**", "*", "*열리기만 했어", "*줄을\n넘어서*", "<b>굵게</b>"]) {
      assert.deepEqual(pieces(plain), [{ action: false, text: plain }]);
    }
    assert.deepEqual(pieces(""), []);
  });

  test("a search marks every match, whatever the case", () => {
    assert.deepEqual(marked("GPU가 gpu를", "Gpu").map((part) => [part.hit, part.text]), [
      [true, "GPU"],
      [false, "가 "],
      [true, "gpu"],
      [false, "를"],
    ]);
    assert.deepEqual(marked("그대로", "  "), [{ hit: false, text: "그대로" }]);
  });

  test("length counts characters as the server does", () => {
    assert.equal(length("안녕👍"), 3);
  });

  test("particles follow the last syllable", () => {
    assert.equal(particle("오로라", "이", "가"), "오로라가");
    assert.equal(particle("민준", "이", "가"), "민준이");
    assert.equal(particle("Max", "이", "가"), "Max가");
  });
});

describe("keys", () => {
  const press = (more) => ({ key: "Enter", code: "Enter", keyCode: 13, isComposing: false, ...more });

  test("Enter sends, but not the one that finishes a syllable", () => {
    assert.ok(isSend(press(), "enter"));
    assert.ok(!isSend(press({ shiftKey: true }), "enter"));
    assert.ok(!isSend(press({ isComposing: true }), "enter"));
    assert.ok(!isSend(press({ keyCode: 229 }), "enter"));
    assert.ok(isComposing(press({ keyCode: 229 })));
  });

  test("with the other setting only Ctrl or Cmd with Enter sends", () => {
    assert.ok(!isSend(press(), "ctrl"));
    assert.ok(isSend(press({ ctrlKey: true }), "ctrl"));
    assert.ok(isSend(press({ metaKey: true }), "ctrl"));
  });

  test("a shortcut is known by its place when the Korean layout is on", () => {
    assert.ok(isLetter({ key: "ㅏ", code: "KeyK" }, "k"));
    assert.ok(isLetter({ key: "K", code: "KeyV" }, "k"));
    assert.ok(!isLetter({ key: "j", code: "KeyJ" }, "k"));
  });
});

describe("reconnecting", () => {
  test("waits longer each time, up to a limit, and never in step with others", () => {
    assert.equal(backoff(0, () => 1), 500);
    assert.equal(backoff(3, () => 1), 4000);
    assert.equal(backoff(50, () => 1), 8000);
    assert.equal(backoff(0, () => 0), 250);
  });
});

describe("files", () => {
  const file = (name, text = "", type = "") => Object.assign(new Blob([text], { type }), { name });

  test("are known by name and, where that says too little, by content", async () => {
    assert.equal(await kindOf(file("aurora.PNG")), "card");
    assert.equal(await kindOf(file("chat.jsonl")), "chat");
    assert.equal(await kindOf(file("card.json", '{\n  "spec": "chara_card_v3"\n}')), "card");
    assert.equal(await kindOf(file("card.json", '{"spec": "chara_card_v2"}')), "card");
    assert.equal(await kindOf(file("chat.json", '{"a": 1}\n{"b": 2}')), "chat");
    assert.equal(await kindOf(file("notes.txt", "안녕")), null);
  });
});

describe("the two languages", () => {
  test("say the same things", () => {
    assert.deepEqual(Object.keys(STRINGS.en).sort(), Object.keys(STRINGS.ko).sort());
    for (const [key, text] of Object.entries(STRINGS.ko)) assert.equal(typeof STRINGS.en[key], typeof text, key);
  });
});

describe("the list's parts", () => {
  test("go by calendar days", () => {
    const now = new Date(2025, 10, 21, 0, 30).getTime();
    const at = (...date) => new Date(2025, 10, ...date).getTime() / 1000;
    assert.equal(section(at(21, 0, 10), now), "today");
    assert.equal(section(at(20, 23, 50), now), "yesterday");
    assert.equal(section(at(18, 12), now), "thisWeek");
    assert.equal(section(at(1, 12), now), "earlier");
  });
});
