/** Keys of the viewport and the timeline; they act only while one of the two has focus. */

export const SHORTCUTS = [
  ["Space", "play or pause"],
  ["← →", "one frame back or on; with Shift ten"],
  ["Home", "first frame"],
  ["End", "newest frame, and follow"],
  ["T", "collapse points onto centroids, and back"],
  ["1 2 3", "votes before ODR, after ODR, target"],
  ["P", "walls: all, cut away, none"],
  ["C", "centroids on or off"],
  ["+ -", "larger or smaller points"],
  ["R", "reset the view"],
  ["F", "full screen"],
  ["W A S D Q E", "fly"],
  ["Esc", "leave the viewport"],
];

/** The same on the page of one scene of a collection, where there is no time. */
export const SCENE_SHORTCUTS = [
  ["[ ]", "scene before or after this one"],
  ["T", "collapse points onto the true centroids, and back"],
  ...SHORTCUTS.slice(6),
];

/** What a key asks for, as [name, argument], or null. */
export function commandOf({
  key,
  shiftKey = false,
  ctrlKey = false,
  metaKey = false,
  altKey = false,
}) {
  if (ctrlKey || metaKey || altKey) return null;
  const frames = shiftKey ? 10 : 1;
  const commands = {
    " ": ["play"],
    ArrowLeft: ["move", -frames],
    ArrowRight: ["move", frames],
    Home: ["home"],
    End: ["follow"],
    t: ["collapse"],
    1: ["votes", "before"],
    2: ["votes", "after"],
    3: ["votes", "target"],
    p: ["walls"],
    c: ["centroids"],
    "+": ["size", 1],
    "=": ["size", 1],
    "-": ["size", -1],
    r: ["reset"],
    f: ["full"],
    "?": ["help"],
    "[": ["step", "Previous scene"],
    "]": ["step", "Next scene"],
    Escape: ["leave"],
  };
  return commands[key.length === 1 ? key.toLowerCase() : key] ?? null;
}

/** Whether an element wants this key for itself, as a slider wants arrows and a button Space. */
export function isTakenBy(target, key) {
  if (target.matches("select, input[type=text], textarea")) return key !== "Escape";
  if (target.matches("input")) return key.startsWith("Arrow") || key === "Home" || key === "End";
  return target.matches("button") && (key === " " || key === "Enter");
}
