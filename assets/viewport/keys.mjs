/**
 * All commands of the viewport, with their keys: what the keyboard does, what the list of keys says
 * and what the palette offers come from this one table.
 *
 * Single keys act only while the picture or the timeline has focus; chords with Ctrl (or the Mac's
 * command key) act on the whole page.
 */

const [RUN, SCENE] = ["run", "scene"]; // pages; a command without `page` is on both

/** {name, argument, keys, text, group, page, isHeld} ; `isHeld` = acts while it is held down. */
export const COMMANDS = [
  { group: "Time", page: RUN, name: "play", keys: ["Space"], text: "play or pause" },
  { group: "Time", page: RUN, name: "move", argument: -1, keys: ["←"], text: "one frame back" },
  { group: "Time", page: RUN, name: "move", argument: 1, keys: ["→"], text: "one frame on" },
  { group: "Time", page: RUN, name: "move", argument: -10, keys: ["Shift+←"], text: "ten frames back" },
  { group: "Time", page: RUN, name: "move", argument: 10, keys: ["Shift+→"], text: "ten frames on" },
  { group: "Time", page: RUN, name: "home", keys: ["Home"], text: "first frame" },
  { group: "Time", page: RUN, name: "follow", keys: ["End"], text: "newest frame, and follow" },
  { group: "Scenes", page: SCENE, name: "step", argument: "Previous scene", keys: ["["], text: "scene before this one" },
  { group: "Scenes", page: SCENE, name: "step", argument: "Next scene", keys: ["]"], text: "scene after this one" },
  { group: "Picture", name: "collapse", keys: ["T"], text: "collapse points onto centroids, and back" },
  { group: "Picture", page: RUN, name: "votes", argument: "before", keys: ["1"], text: "votes before ODR" },
  { group: "Picture", page: RUN, name: "votes", argument: "after", keys: ["2"], text: "votes after ODR" },
  { group: "Picture", page: RUN, name: "votes", argument: "target", keys: ["3"], text: "votes at their targets" },
  { group: "Picture", name: "walls", keys: ["P"], text: "walls: all, cut away, none" },
  { group: "Picture", name: "centroids", keys: ["C"], text: "votes and centroids on or off" },
  { group: "Picture", name: "size", argument: 1, keys: ["+", "="], text: "larger points" },
  { group: "Picture", name: "size", argument: -1, keys: ["-"], text: "smaller points" },
  { group: "Picture", name: "reset", keys: ["R"], text: "reset the view" },
  { group: "Picture", name: "full", keys: ["F"], text: "full screen" },
  { group: "Picture", name: "screenshot", keys: [], text: "save the picture as PNG" },
  { group: "Picture", keys: ["W", "A", "S", "D", "Q", "E"], text: "fly", isHeld: true },
  { group: "Selection", page: RUN, name: "tool", argument: "orbit", keys: ["O"], text: "turn the view with the pointer" },
  { group: "Selection", page: RUN, name: "tool", argument: "box", keys: ["B"], text: "select with a box" },
  { group: "Selection", page: RUN, name: "tool", argument: "lasso", keys: ["L"], text: "select with a lasso" },
  { group: "Selection", page: RUN, name: "earlierSelection", keys: ["Ctrl+["], text: "selection before this one" },
  { group: "Selection", page: RUN, name: "laterSelection", keys: ["Ctrl+]"], text: "selection after this one" },
  { group: "Selection", page: RUN, name: "showAll", keys: [], text: "show all segments and pseudo-instances" },
  { group: "Compare", page: RUN, name: "panes", argument: "one", keys: [], text: "one pane" },
  { group: "Compare", page: RUN, name: "panes", argument: "odr", keys: [], text: "two panes: before ODR, after ODR" },
  { group: "Compare", page: RUN, name: "panes", argument: "groups", keys: [], text: "two panes: segments, pseudo-instances" },
  { group: "Compare", page: RUN, name: "panes", argument: "four", keys: [], text: "four panes: input, segments, before and after ODR" },
  { group: "Compare", page: RUN, name: "compare", keys: ["M"], text: "compare from this frame, or end it" },
  { group: "View", page: RUN, name: "undo", keys: ["Ctrl+Z"], text: "undo the last change of the view" },
  { group: "View", page: RUN, name: "redo", keys: ["Ctrl+Y", "Ctrl+Shift+Z"], text: "redo it" },
  { group: "View", page: RUN, name: "link", keys: ["Ctrl+Shift+C"], text: "copy a link to this view" },
  { group: "View", page: RUN, name: "palette", keys: ["Ctrl+K"], text: "all commands" },
  { group: "View", name: "help", keys: ["?"], text: "list of keys" },
  { group: "View", name: "leave", keys: ["Esc"], text: "clear the selection, then leave the viewport" },
];

const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

export function commandsOf(page) {
  return COMMANDS.filter((command) => (command.page ?? page) === page);
}

/** What a key asks for on a page, as [name] or [name, argument], or null. */
export function commandOf(event, page = RUN) {
  const chord = chordOf(event);
  const found = commandsOf(page).find(({ keys, isHeld }) => !isHeld && keys.includes(chord));
  if (!found) return null;
  return found.argument === undefined ? [found.name] : [found.name, found.argument];
}

/** Whether keys are a chord, which acts on the whole page. */
export function isChord({ ctrlKey, metaKey }) {
  return Boolean(ctrlKey || metaKey);
}

/** A key as the table writes it. Shift counts where it does not make another letter or sign. */
function chordOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  if (altKey) return null;
  const isLetter = key.length === 1 && key !== " ";
  const name = NAMES[key] ?? (isLetter ? key.toUpperCase() : key);
  const isControl = ctrlKey || metaKey;
  const shift = shiftKey && (!isLetter || isControl) ? "Shift+" : "";
  return `${isControl ? "Ctrl+" : ""}${shift}${name}`;
}

/** Whether an element wants this key for itself, as a slider wants arrows and a button Space. */
export function isTakenBy(target, key) {
  if (target.matches("select, textarea")) return key !== "Escape";
  if (target.matches("input")) {
    if (!["range", "checkbox", "radio"].includes(target.type)) return key !== "Escape";
    return key.startsWith("Arrow") || key === "Home" || key === "End" || key === " ";
  }
  return target.matches("button") && (key === " " || key === "Enter");
}
