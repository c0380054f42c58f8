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
