/** Building elements. Text always becomes text nodes: nothing on this page is ever parsed as HTML. */

/**
 * @param {string} tag
 * @param {object} props `class`, `on: {event: handler}`, `data: {name: value}`, `prop: {property: value}`; all else attributes.
 *   An attribute of value null or false is left out, true becomes an empty one.
 * @param {...(Node|string|null|false)} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") element.className = value;
    else if (name === "on") for (const [type, handler] of Object.entries(value)) element.addEventListener(type, handler);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "prop") Object.assign(element, value);
    else attribute(element, name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

export function attribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : value);
}

/** Writes text only where it differs, so that selections and screen readers are left in peace. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keeps the children of `container` in step with a list, reusing the element of each key.
 *
 * @param {Element} container
 * @param {{key: (item) => string, create: (item) => {element: Element, update: (item) => void}}} how
 * @returns {(items: Array) => void}
 */
export function keyed(container, { key, create }) {
  const rows = new Map();
  return (items) => {
    const wanted = new Set(items.map(key));
    for (const [name, row] of rows) {
      if (wanted.has(name)) continue;
      row.element.remove();
      rows.delete(name);
    }
    let place = container.firstElementChild;
    for (const item of items) {
      const name = key(item);
      let row = rows.get(name);
      if (!row) {
        row = create(item);
        rows.set(name, row);
      }
      row.update(item);
      if (row.element === place) place = place.nextElementSibling;
      else container.insertBefore(row.element, place);
    }
  };
}
