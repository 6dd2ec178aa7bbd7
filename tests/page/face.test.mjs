// What the page reads from a frame, and how it passes from one to the next: `node --test tests/page/face.test.mjs`.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { NoAnswer, Refused } from "../../server/web/js/connection.js";
import { fadeAfter, readFrame } from "../../server/web/js/frames.js";
import { Portraits } from "../../server/web/js/portraits.js";
import { faceAlt, speak } from "../../server/web/js/strings.js";

function frame(kind, watch, turn, seq, milliseconds, picture = [1, 2, 3]) {
  const buffer = new ArrayBuffer(16 + picture.length);
  const view = new DataView(buffer);
  view.setUint8(0, kind);
  view.setUint16(2, watch);
  view.setUint32(4, turn);
  view.setUint32(8, seq);
  view.setUint32(12, milliseconds);
  new Uint8Array(buffer, 16).set(picture);
  return buffer;
}

describe("frames", () => {
  test("a frame is taken apart", () => {
    const found = readFrame(frame(1, 513, 0xfedcba98, 7, 90_000));
    assert.deepEqual({ ...found, picture: [...found.picture] }, {
      watch: 513, turn: 0xfedcba98, seq: 7, milliseconds: 90_000, picture: [1, 2, 3],
    });
  });

  test("what is no frame of a face is left alone", () => {
    assert.equal(readFrame(new ArrayBuffer(0)), null);
    assert.equal(readFrame(frame(1, 1, 0, 1, 0, [])), null);
    assert.equal(readFrame(frame(2, 1, 0, 1, 0)), null);
  });

  test("a frame fades in until the next is due, and quickly after a pause or in a new watch", () => {
    assert.equal(fadeAfter(50), 45);
    assert.equal(fadeAfter(166), 149.4);
    assert.equal(fadeAfter(200), 160);
    assert.equal(fadeAfter(2000), 60);
    assert.equal(fadeAfter(-5000), 30);
  });
});

describe("portraits", () => {
  function server(face = "one") {
    const asked = [];
    const answer = {
      asked,
      face,
      error: null,
      async request(type, data, { chat }) {
        asked.push([type, data, chat]);
        if (answer.error) throw answer.error;
        return [{ data: { face: answer.face, media_type: "image/webp", base64: `${data.emotion}${data.strength}` } }];
      },
    };
    return answer;
  }
  const joy = { chat: "c1", card: "aurora", emotion: "기쁨", strength: 0.8 };

  test("each is asked for once, by the level that the server paints", async () => {
    const connection = server();
    const portraits = new Portraits(connection);
    assert.equal(await portraits.get(joy), "data:image/webp;base64,기쁨0.75");
    assert.equal(await portraits.get({ ...joy, chat: "c2", strength: 0.7 }), "data:image/webp;base64,기쁨0.75");
    await portraits.get({ ...joy, strength: 0 });
    assert.deepEqual(connection.asked.map(([, data]) => data.strength), [0.75, 0.25]);
    await portraits.get({ ...joy, card: "other" });
    assert.equal(connection.asked.length, 3);
  });

  test("what could not be had is asked for again", async () => {
    const connection = server();
    const portraits = new Portraits(connection);
    for (connection.error of [new NoAnswer("lost"), new Refused("rate_limited", "")]) {
      assert.equal(await portraits.get(joy), null);
    }
    connection.error = null;
    assert.notEqual(await portraits.get(joy), null);
  });

  test("when she looks different all are asked for anew", async () => {
    const connection = server();
    const portraits = new Portraits(connection);
    await portraits.get(joy);
    portraits.know("one");
    await portraits.get(joy);
    assert.equal(connection.asked.length, 1);
    portraits.know("two");
    await portraits.get(joy);
    assert.equal(connection.asked.length, 2);
  });
});

test("her picture has natural words for who does not see it", () => {
  speak("ko");
  assert.equal(faceAlt("오로라", "기쁨"), "기쁜 표정의 오로라");
  assert.equal(faceAlt("오로라", "혐오"), "못마땅한 표정의 오로라");
  speak("en");
  assert.equal(faceAlt("Aurora", "슬픔"), "Aurora, sad");
  speak("ko");
});
