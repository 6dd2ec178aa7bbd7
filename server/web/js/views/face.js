/** Her face on the stage: watched while it can be seen, still where stillness is wanted. */

import { FaceCanvas } from "../face.js";
import { attribute, h } from "../dom.js";
import { CALM } from "../emotions.js";
import { feeling } from "../store.js";
import { faceAlt } from "../strings.js";
import { wantsStillness } from "../theme.js";

const FPS = 24;
const SAVING_FPS = 6; // for who has asked the browser to save data
const STILL_SIZE = 512;
const AGAIN_MS = 4000;

/** @param {import("../session.js").Session} session */
export function faceView(session) {
  const element = h("canvas", { class: "face", role: "img", hidden: true });
  const face = new FaceCanvas(element);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let isVisible = false;
  let watched = null; // chat, or null
  let watch = null; // the server's answer
  let shownStill = null;
  let again = null;
  let isGone = false;

  // The canvas itself is hidden until there is a picture, so its surroundings tell whether it could be seen.
  const sighting = new IntersectionObserver((entries) => {
    isVisible = entries.at(-1).isIntersecting;
    follow();
  });
  const listeners = [
    [session, "picture", ({ detail }) => take(detail)],
    [session, "phase", phaseChanged],
    [session, "face", faceChosen],
    [document, "visibilitychange", follow],
    [still, "change", follow],
  ];
  for (const [source, type, handler] of listeners) source.addEventListener(type, handler);

  function phaseChanged() {
    if (session.phase !== "ready") [watched, watch] = [null, null]; // a new connection watches nothing yet
    follow();
  }

  function faceChosen() {
    shownStill = null; // frames change by themselves
    follow();
  }

  function update(state) {
    const chat = state.open[state.current];
    const felt = chat ? feeling(chat) : null;
    const summary = state.chats.find((other) => other.id === state.current);
    attribute(element, "aria-label", faceAlt(summary?.character ?? "오로라", felt?.emotion ?? CALM));
    if (!state.hasFace) face.clear();
    follow();
  }

  /** Watches what is to be seen, and nothing else. */
  function follow() {
    if (isGone) return;
    const { state } = session;
    const chat = state.hasFace && session.phase === "ready" && state.open[state.current] ? state.current : null;
    const canSee = isVisible && !document.hidden;
    if (chat && canSee && wantsStillness()) showStill(state, chat);
    else shownStill = null;
    const wanted = chat && canSee && !wantsStillness() ? chat : null;
    if (wanted !== watched) change(wanted);
  }

  async function change(chat) {
    watched = chat;
    watch = null;
    clearTimeout(again);
    const fps = navigator.connection?.saveData ? SAVING_FPS : FPS;
    const answer = await session.watchFace(chat, fps);
    if (isGone || watched !== chat) return;
    if (answer) watch = answer;
    else if (chat !== null) {
      // Not now: the chat may be gone, or the server is busy. The light behind her goes on.
      again = setTimeout(() => {
        if (watched === chat) watched = null;
        follow();
      }, AGAIN_MS);
    }
  }

  function take(frame) {
    if (watch === null || frame.watch !== watch.watch) return;
    face.show(new Blob([frame.picture], { type: watch.media_type }), { milliseconds: frame.milliseconds });
  }

  async function showStill(state, chat) {
    const felt = feeling(state.open[chat]) ?? { emotion: CALM, strength: 0.5 };
    const key = `${chat} ${felt.emotion} ${felt.strength}`;
    if (key === shownStill) return;
    shownStill = key;
    const address = await session.portrait(chat, felt.emotion, felt.strength, STILL_SIZE);
    if (isGone || shownStill !== key) return;
    if (address === null) {
      shownStill = null; // the next change asks again
      return;
    }
    face.show(await asBlob(address));
  }

  function remove() {
    isGone = true;
    clearTimeout(again);
    sighting.disconnect();
    for (const [source, type, handler] of listeners) source.removeEventListener(type, handler);
    if (watched !== null) session.watchFace(null);
    face.remove();
  }

  return { element, update, remove, observe: (place) => sighting.observe(place) };
}

/** The picture of a base64 data: address; the page's policy lets nothing be fetched. */
async function asBlob(address) {
  const [head, body] = address.split(",");
  const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: head.slice(5, head.indexOf(";")) });
}
