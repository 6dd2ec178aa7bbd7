/**
 * The outbox on disk: what was said survives a reload before the server has acknowledged it.
 *
 * One stored name for each entry, so that two tabs do not overwrite each other. A tab may send an entry of another one: the
 * server takes each `client_id` once.
 */

import { names, readJson, remove, writeJson } from "./storage.js";

const isKept = (entry) => entry.text !== undefined && entry.status !== "acked";

/** Brings storage from the entries before to those after a change. */
export function keepOutbox(before, after, account) {
  if (before === after) return;
  const remaining = new Set(after.filter(isKept).map((entry) => entry.client_id));
  for (const { client_id: id } of before) if (!remaining.has(id)) remove(`outbox.${id}`);
  for (const entry of after) {
    if (isKept(entry) && !before.includes(entry)) writeJson(`outbox.${entry.client_id}`, { ...entry, account });
  }
}

/** Entries that `account` left behind, oldest first. */
export function storedOutbox(account) {
  return names("outbox.")
    .map((name) => readJson(name, null))
    .filter((entry) => entry?.account === account)
    .sort((a, b) => a.created - b.created)
    .map(({ account: _, ...entry }) => ({ ...entry, status: entry.status === "failed" ? "failed" : "waiting" }));
}

export function forgetOutbox() {
  for (const name of names("outbox.")) remove(name);
}
