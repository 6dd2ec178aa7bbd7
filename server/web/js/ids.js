/** Identifiers of this client. `crypto.randomUUID` exists only on https and localhost; random bytes exist everywhere. */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return prefix + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
