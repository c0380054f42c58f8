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
};

export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    svg("path", { d: ICONS[name], fill: "currentColor", "fill-rule": "evenodd" }),
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
