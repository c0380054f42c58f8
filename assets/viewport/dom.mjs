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

export function prefersStill() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
