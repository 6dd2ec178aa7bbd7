/** What is being written, kept on this device until it is sent: the box of each chat, and each message being edited. */

import { names, read, remove, write } from "./storage.js";

export function readDraft(chat) {
  return read(`draft.${chat}`) ?? "";
}

export function writeDraft(chat, text) {
  if (text) write(`draft.${chat}`, text);
  else remove(`draft.${chat}`);
}

/** The unfinished edit of a message, or null. */
export function readEdit(message) {
  return read(`edit.${message}`);
}

export function writeEdit(message, text) {
  write(`edit.${message}`, text);
}

export function forgetEdit(message) {
  remove(`edit.${message}`);
}

export function forgetAllDrafts() {
  for (const name of [...names("draft."), ...names("edit.")]) remove(name);
}
