/** Line icons on a 24-unit grid. */

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  plus: ["M12 5v14", "M5 12h14"],
  search: ["M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z", "M16.2 16.2 20 20"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h10"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  send: ["M12 19V5", "M6 11l6-6 6 6"],
  stop: ["M7.5 7.5h9v9h-9z"],
  copy: ["M9 9h10v11H9z", "M5 15V4h10"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  pencil: ["M4 20l1-4L16 5l3 3L8 19z", "M14 7l3 3"],
  trash: ["M5 7h14", "M10 7V4.5h4V7", "M7 7l1 13h8l1-13"],
  retry: ["M19 12a7 7 0 1 1-2.2-5.1", "M19.5 4v4h-4"],
  left: ["M14.5 6l-6 6 6 6"],
  right: ["M9.5 6l6 6-6 6"],
  down: ["M12 5v14", "M6 13l6 6 6-6"],
  fold: ["M6 9.5l6 6 6-6"],
  download: ["M12 4v11", "M7 10.5l5 5 5-5", "M5 20h14"],
  upload: ["M12 16V5", "M7 9.5l5-5 5 5", "M5 20h14"],
  settings: ["M4 7h9", "M17 7h3", "M15 5v4", "M4 17h3", "M11 17h9", "M9 15v4", "M4 12h4", "M12 12h8", "M10 10v4"],
  memory: ["M7 4h10v16l-5-3.6L7 20z", "M10 9.5h4"],
  pin: ["M9 4h6", "M10 4v6l-3 4h10l-3-4V4", "M12 14v6"],
  shield: ["M12 3.5l7 2.6v5.2c0 4.2-2.9 7.4-7 9.2-4.1-1.8-7-5-7-9.2V6.1z", "M12 8.4v4.4", "M12 15.8v.1"],
  heart: ["M12 19.5C7 16 4 13 4 9.4A4.1 4.1 0 0 1 8.2 5.2c1.6 0 3 .8 3.8 2.1a4.4 4.4 0 0 1 3.8-2.1A4.1 4.1 0 0 1 20 9.4c0 3.6-3 6.6-8 10.1z"],
  face: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "M9 9.8v.9", "M15 9.8v.9", "M8.8 14c.8 1.1 1.9 1.7 3.2 1.7s2.4-.6 3.2-1.7"],
  phone: ["M7.5 4H5.2C4.5 4 4 4.6 4 5.3 4.4 13 11 19.6 18.7 20c.7 0 1.3-.5 1.3-1.2v-2.9l-4-1.5-1.7 2a12 12 0 0 1-6.7-6.7l2-1.7z"],
  card: ["M6 3.5h12v17H6z", "M12 8a2.2 2.2 0 1 0 0 4.4A2.2 2.2 0 0 0 12 8z", "M8.8 17c.5-2 1.7-3 3.2-3s2.7 1 3.2 3"],
};

/** A decorative icon; the button around it carries the label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
