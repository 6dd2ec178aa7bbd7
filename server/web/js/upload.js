/** Files to the server, and from it. */

const FRAME = 60 * 1024; // below the server's limit of 64 KiB a frame
// The server takes 200 frames of an account at once and 40 a second after that; talk must go on beside an upload.
const QUICK_FRAMES = 100;
const PACE_MS = 36;

/** A file cannot be sent from this page; `reason` is a key of js/strings.js. */
export class CannotUpload extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

let last = Promise.resolve();

/**
 * Uploads a file. One after another: binary frames belong to the upload announced last.
 *
 * @param {import("./connection.js").Connection} connection
 * @param {"chat"|"card"} kind
 * @param {Blob} file
 * @param {number} limit bytes
 * @returns {Promise<string>} the upload's id
 * @throws {CannotUpload} the file is empty or too large, or this address has no `crypto.subtle`
 */
export function upload(connection, kind, file, limit) {
  const turn = last.then(() => uploadNow(connection, kind, file, limit));
  last = turn.catch(() => {});
  return turn;
}

async function uploadNow(connection, kind, file, limit) {
  if (file.size === 0) throw new CannotUpload("uploadEmpty");
  if (file.size > limit) throw new CannotUpload("uploadTooLarge");
  // Browsers offer it on https and localhost only.
  if (!crypto.subtle) throw new CannotUpload("uploadInsecure");
  const bytes = await file.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const answer = connection.request("upload.start", { kind, size: bytes.byteLength, sha256 }, { timeout: 120_000 });
  const frames = async () => {
    for (let at = 0; at < bytes.byteLength; at += FRAME) {
      if (at >= QUICK_FRAMES * FRAME) await new Promise((resolve) => setTimeout(resolve, PACE_MS));
      await connection.sendBytes(bytes.slice(at, at + FRAME));
    }
    return answer;
  };
  // A refusal ends the upload even while frames are on their way.
  const [done] = await Promise.race([answer, frames()]);
  return done.data.upload;
}

/** Which kind of file is this? Our exports are JSON lines; cards are pictures or one JSON object. */
export async function kindOf(file) {
  const name = file.name.toLowerCase();
  if (name.endsWith(".png") || file.type === "image/png") return "card";
  if (name.endsWith(".jsonl") || name.endsWith(".ndjson")) return "chat";
  if (!name.endsWith(".json") && file.type !== "application/json") return null;
  const text = await file.slice(0, 65536).text();
  const [first, second] = text.split("\n", 2);
  return isObject(first) && second !== undefined && isObject(second) ? "chat" : "card";
}

function isObject(line) {
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}

/** The whole of a file that came in parts. */
export function assemble(envelopes) {
  const parts = envelopes.map((envelope) => envelope.data).sort((a, b) => a.part - b.part);
  const bytes = parts.map((part) => Uint8Array.from(atob(part.base64), (char) => char.charCodeAt(0)));
  return { name: parts[0].name, blob: new Blob(bytes, { type: parts[0].media_type }) };
}

/** Are all parts of a file there? */
export function isWhole(envelopes) {
  return envelopes.length >= envelopes[0].data.parts;
}

/** Offers a file to be saved. */
export function save({ name, blob }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
