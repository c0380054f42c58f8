/** Small helpers for making elements; text is always set as text, never parsed. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag
 * @param {object} options class, text, title, label (aria-label), attributes, on (listeners)
 */
export function make(
  tag,
  { class: name, text, title, label, attributes = {}, on = {} } = {},
  ...children
) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  if (title) element.title = title;
  if (label) element.setAttribute("aria-label", label);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const ICONS = {
  orbit:
    "M8 2a6 6 0 1 1-5.6 3.9l1.5.6A4.4 4.4 0 1 0 8 3.6v2L4.6 2.9 8 .2z" + "M8 6.6a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8z",
  box: "M2 3h3v1.5H3.5V6H2zM11 3h3v3h-1.5V4.5H11zM2 10h1.5v1.5H5V13H2zM12.5 10H14v3h-3v-1.5h1.5zM6.5 3h3v1.5h-3zM6.5 11.5h3V13h-3zM2 7h1.5v2H2zM12.5 7H14v2h-1.5z",
  lasso:
    "M8 2.2c3.5 0 6.2 1.7 6.2 4.1S11.5 10.4 8 10.4c-.5 0-1 0-1.5-.1-.2.7-.6 1.3-1.3 1.7.2.8 0 1.6-.8 2.4l-1.1-1c.3-.3.5-.6.5-.9-1.3-.2-2.1-1-2.1-2.1 0-.7.4-1.3 1-1.7-.6-.7-.9-1.5-.9-2.4C1.8 3.9 4.5 2.2 8 2.2z" +
    "M8 3.7c-2.7 0-4.7 1.2-4.7 2.6 0 .7.3 1.2.9 1.7 1.2 0 2.1.4 2.4 1 .5.1.9.1 1.4.1 2.7 0 4.7-1.2 4.7-2.7S10.7 3.7 8 3.7z",
  link: "M6.7 9.3a2.9 2.9 0 0 1 0-4.1l2-2a2.9 2.9 0 0 1 4.1 4.1l-1.2 1.2-1.1-1.1 1.2-1.1a1.4 1.4 0 0 0-2-2l-2 2a1.4 1.4 0 0 0 0 2zM9.3 6.7a2.9 2.9 0 0 1 0 4.1l-2 2a2.9 2.9 0 0 1-4.1-4.1l1.2-1.2 1.1 1.1-1.2 1.1a1.4 1.4 0 0 0 2 2l2-2a1.4 1.4 0 0 0 0-2z",
  undo: "M6 2.5v2.7h3.2a4 4 0 0 1 0 8.1H5v-1.5h4.2a2.5 2.5 0 0 0 0-5.1H6v2.7L2 6z",
  redo: "M10 2.5v2.7H6.8a4 4 0 0 0 0 8.1H11v-1.5H6.8a2.5 2.5 0 0 1 0-5.1H10v2.7L14 6z",
  commands: "M2.5 3.5h11V5h-11zM2.5 7.2h7v1.5h-7zM2.5 11h9v1.5h-9z",
  shown:
    "M8 3.5c3.2 0 5.5 2.2 6.6 4.5-1.1 2.3-3.4 4.5-6.6 4.5S2.5 10.3 1.4 8C2.5 5.7 4.8 3.5 8 3.5z" +
    "M8 5A3 3 0 1 0 8 11 3 3 0 0 0 8 5z" + "M8 6.4a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.2z",
  hidden: "M1.4 8c1.1 2.3 3.4 4.5 6.6 4.5S13.5 10.3 14.6 8l-1.3-.7C12.3 9.3 10.5 11 8 11S3.7 9.3 2.7 7.3z",
  alone:
    "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z" +
    "M2 2h3.2v1.4H3.4v1.8H2zM10.8 2H14v3.2h-1.4V3.4h-1.8zM2 10.8h1.4v1.8h1.8V14H2zM12.6 10.8H14V14h-3.2v-1.4h1.8z",
  play: "M5 3.2v9.6L13 8z",
  pause: "M4.5 3h2.4v10H4.5zM9.1 3h2.4v10H9.1z",
  back: "M10.5 3.5 6 8l4.5 4.5zM4.2 3.5h1.6v9H4.2z",
  forward: "M5.5 3.5 10 8l-4.5 4.5zM10.2 3.5h1.6v9h-1.6z",
  reset: "M8 2.5 13.5 7H12v6H9.2V9.4H6.8V13H4V7H2.5z",
  camera: "M6 3.2 5 4.8H2.8v8h10.4v-8H11l-1-1.6zM8 6.2a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2z",
  full: "M3 3h4v1.6H4.6V7H3zM9 3h4v4h-1.6V4.6H9zM3 9h1.6v2.4H7V13H3zM11.4 9H13v4H9v-1.6h2.4z",
  help:
    "M5.2 6a2.8 2.8 0 1 1 4.1 2.5c-.5.3-.6.5-.6 1v.3H7.3v-.4c0-1 .4-1.6 1.3-2.1" +
    "a1.3 1.3 0 1 0-1.9-1.3zM7.2 11.2h1.7v1.7H7.2z",
  larger:
    "M13 8A5 5 0 1 0 3 8a5 5 0 0 0 10 0z" +
    "M7.3 5.6h1.4v1.7h1.7v1.4H8.7v1.7H7.3V8.7H5.6V7.3h1.7z",
  smaller: "M11.4 8a3.4 3.4 0 1 0-6.8 0 3.4 3.4 0 0 0 6.8 0zM6.2 7.4h3.6v1.2H6.2z",
  centroids:
    "M8 4.6a3.4 3.4 0 1 1 0 6.8 3.4 3.4 0 0 1 0-6.8z" +
    "M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z" +
    "M2.6 2h1.8v1.8H2.6zM12 2.6h1.8v1.8H12zM1.6 11h1.8v1.8H1.6zM12.4 12h1.8v1.8h-1.8z",
};

// A room from outside, with its near walls taken away, and without any: strokes, and filled faces.
const ROOMS = {
  "walls-all": {
    lines: "M8 1.8 13.6 5v6L8 14.2 2.4 11V5zM2.4 5 8 8.2 13.6 5M8 8.2v6",
    faces: "M2.4 5 8 8.2v6L2.4 11zM8 8.2 13.6 5v6L8 14.2z",
  },
  "walls-cut": {
    lines: "M8 1.8v6M2.4 11 8 7.8l5.6 3.2M2.4 5 8 1.8 13.6 5v6L8 14.2 2.4 11z",
    faces: "M2.4 11 8 7.8l5.6 3.2L8 14.2z",
  },
  "walls-hidden": {
    lines: "M8 6 11 7.7v3.4L8 12.8l-3-1.7V7.7zM5 7.7l3 1.7 3-1.7M8 9.4v3.4",
    faces: "M5 7.7 8 9.4v3.4l-3-1.7z",
  },
};

export function icon(name) {
  const { lines, faces } = ROOMS[name] ?? { faces: ICONS[name] };
  return svg(
    "svg",
    { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    svg("path", {
      d: faces,
      fill: "currentColor",
      "fill-rule": "evenodd",
      "fill-opacity": lines ? 0.4 : 1,
    }),
    ...(lines ? [svg("path", { d: lines, fill: "none", stroke: "currentColor" })] : []),
  );
}

/** Calls `action` at most once every `ms`, the last call always comes through. */
export function throttled(ms, action) {
  let timer = null;
  let last = -Infinity;
  return (...args) => {
    clearTimeout(timer);
    const wait = last + ms - performance.now();
    const go = () => {
      last = performance.now();
      action(...args);
    };
    if (wait <= 0) go();
    else timer = setTimeout(go, wait);
  };
}

/** Calls `action` once nothing has asked for it for `ms`, but after `most` in any case. */
export function rested(ms, most, action) {
  let timer = null;
  let since = null; // when the call that is due was first asked for
  return (...args) => {
    clearTimeout(timer);
    const now = performance.now();
    since ??= now;
    const go = () => {
      since = null;
      action(...args);
    };
    timer = setTimeout(go, Math.max(Math.min(ms, since + most - now), 0));
  };
}

export function prefersStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
