/**
 * All commands of the viewport, with their keys: what the keyboard does, what the list of keys says
 * and what the palette offers come from this one table.
 *
 * Single keys act only while the picture or the timeline has focus; chords with Ctrl (or the Mac's
 * command key) act on the whole page.
 */

const [RUN, SCENE, SEGMENT] = ["run", "scene", "segment"]; // pages; without one: on all

/** [keys, words, page, name, argument] of each command, by group; without a name it is held. */
const TABLE = {
  Time: [
    [["Space"], "play or pause", RUN, "play"],
    [["←"], "one frame back", RUN, "move", -1],
    [["→"], "one frame on", RUN, "move", 1],
    [["Shift+←"], "ten frames back", RUN, "move", -10],
    [["Shift+→"], "ten frames on", RUN, "move", 10],
    [["Home"], "first frame", RUN, "home"],
    [["End"], "newest frame, and follow", RUN, "follow"],
  ],
  Scenes: [
    [["["], "scene before this one", SCENE, "step", "Previous scene"],
    [["]"], "scene after this one", SCENE, "step", "Next scene"],
  ],
  Picture: [
    [["T"], "collapse points onto centroids, and back", null, "collapse"],
    [["1"], "votes before ODR", RUN, "votes", "before"],
    [["2"], "votes after ODR", RUN, "votes", "after"],
    [["3"], "votes at their targets", RUN, "votes", "target"],
    [["P"], "walls: all, cut away, none", null, "walls"],
    [["C"], "votes and centroids on or off", null, "centroids"],
    [["+", "="], "larger points", null, "size", 1],
    [["-"], "smaller points", null, "size", -1],
    [["R"], "reset the view", null, "reset"],
    [["F"], "full screen", null, "full"],
    [[], "save the picture as PNG", null, "screenshot"],
    [["W", "A", "S", "D", "Q", "E"], "fly", null],
  ],
  Selection: [
    [["O"], "turn the view with the pointer", RUN, "tool", "orbit"],
    [["B"], "select with a box", RUN, "tool", "box"],
    [["L"], "select with a lasso", RUN, "tool", "lasso"],
    [["Ctrl+["], "selection before this one", RUN, "earlierSelection"],
    [["Ctrl+]"], "selection after this one", RUN, "laterSelection"],
    [[], "show all segments and pseudo-instances", RUN, "showAll"],
  ],
  Objects: [
    [["O"], "turn the view with the pointer", SEGMENT, "tool", "orbit"],
    [["B"], "outline points with a box", SEGMENT, "tool", "box"],
    [["L"], "outline points with a lasso", SEGMENT, "tool", "lasso"],
    [["M"], "merge the chosen objects", SEGMENT, "merge"],
    [["X"], "split the chosen object in two", SEGMENT, "split"],
    [["N"], "new object from the outlined points", SEGMENT, "carve"],
    [["Delete"], "remove the chosen objects", SEGMENT, "remove"],
    [["Ctrl+Z"], "undo the last change", SEGMENT, "undo"],
    [["Ctrl+Y", "Ctrl+Shift+Z"], "redo it", SEGMENT, "redo"],
  ],
  Compare: [
    [[], "one pane", RUN, "panes", "one"],
    [[], "two panes: before ODR, after ODR", RUN, "panes", "odr"],
    [[], "two panes: segments, pseudo-instances", RUN, "panes", "groups"],
    [[], "four panes: input, segments, before and after ODR", RUN, "panes", "four"],
    [["M"], "compare from this frame, or end it", RUN, "compare"],
  ],
  View: [
    [["Ctrl+Z"], "undo the last change of the view", RUN, "undo"],
    [["Ctrl+Y", "Ctrl+Shift+Z"], "redo it", RUN, "redo"],
    [["Ctrl+Shift+C"], "copy a link to this view", RUN, "link"],
    [["Ctrl+K"], "all commands", RUN, "palette"],
    [["?"], "list of keys", null, "help"],
    [["Esc"], "clear the selection, then leave the viewport", null, "leave"],
  ],
};

/** All commands as {group, keys, text, page, name, argument}. */
export const COMMANDS = Object.entries(TABLE).flatMap(([group, rows]) =>
  rows.map(([keys, text, page, name, argument]) => ({ group, keys, text, page, name, argument })),
);

const NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

export function commandsOf(page) {
  return COMMANDS.filter((command) => (command.page ?? page) === page);
}

/** What a key asks for on a page, as [name] or [name, argument], or null. */
export function commandOf(event, page = RUN) {
  const chord = chordOf(event);
  const found = commandsOf(page).find(({ keys, name }) => name && keys.includes(chord));
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
