/**
 * localStorage that cannot fail the page.
 *
 * Browsers refuse storage in some private modes and when it is full; what is written then lives until the page closes.
 */

const PREFIX = "ohlora.";
const fallback = new Map();

export function read(name) {
  if (fallback.has(name)) return fallback.get(name);
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function write(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
    fallback.delete(name);
  } catch {
    fallback.set(name, value);
  }
}

export function remove(name) {
  fallback.delete(name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // Nothing is stored where storage is refused.
  }
}

/** All stored names that begin with `start`. */
export function names(start) {
  const found = new Set([...fallback.keys()].filter((name) => name.startsWith(start)));
  try {
    for (let i = 0; i < localStorage.length; i += 1) {
      const key = localStorage.key(i);
      if (key.startsWith(PREFIX + start)) found.add(key.slice(PREFIX.length));
    }
  } catch {
    // As above.
  }
  return [...found];
}

export function readJson(name, otherwise) {
  const text = read(name);
  if (text === null) return otherwise;
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}

export function writeJson(name, value) {
  write(name, JSON.stringify(value));
}
