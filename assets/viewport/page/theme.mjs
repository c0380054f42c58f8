/** The page's colours as numbers, for the renderer; told again when the theme changes. */

import { make } from "./dom.mjs";
import { parseColor, PLANE, QUANTITIES } from "../draw/palette.mjs";

/**
 * @param {HTMLElement} root an element of the page, whose custom properties count
 * @param {(colors: object) => void} onColors
 * @returns {() => void} stops watching
 */
export function watchTheme(root, onColors) {
  const probe = make("span", { class: "vp-hidden" });
  root.append(probe);
  const read = (name, fallback) => {
    probe.style.color = `var(--${name}, ${fallback})`;
    return parseColor(getComputedStyle(probe).color);
  };
  const tell = () =>
    onColors({
      background: read("canvas", "#0B0E12"),
      unassigned: read("unassigned", "#7d8793"),
      before: read("before", QUANTITIES.before),
      after: read("after", QUANTITIES.after),
      target: read("target", QUANTITIES.target),
      text: read("text", "#e6eaf0"),
      plane: read("plane", PLANE),
    });
  tell();
  const observer = new MutationObserver(tell);
  observer.observe(document.documentElement, {
    attributes: true,
    attributeFilter: ["data-theme"],
  });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", tell);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", tell);
  };
}
