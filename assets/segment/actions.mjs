/** What one can do on the page of a segmentation: commands of keys and buttons, and answers. */

import { votesOf } from "./instances.mjs";
import { twoMeans } from "./two_means.mjs";

/** Commands that change the layer in the picture, and its tools. */
export function commandsOf(shell) {
  const { editing } = shell;
  const change = (action) => () => shell.mayChange && action();
  return {
    tool: (tool) => shell.setTool(tool),
    merge: change(() => editing.merge()),
    split: change(() => split(shell)),
    carve: change(() => editing.carve()),
    remove: change(() => editing.remove()),
    undo: change(() => editing.undo()),
    redo: change(() => editing.redo()),
    look: () => shell.refresh(),
  };
}

/** What notices and links offer. */
export function actionsOf(shell) {
  const { layers, session, side } = shell;
  const { api, beat } = session;
  const sent = async (answer) => {
    await answer;
    beat.now();
  };
  return {
    again: () => beat.now(),
    leave: () => location.assign("/segment"),
    retry: (answers) => sent(api.retry(answers)),
    cancel: () => sent(api.cancel()),
    group: () => side.showForm(),
    unsay: () => shell.say(null),
    edited: () => layers.show("edited"),
    polyscope: () => polyscope(shell),
    reload: () => layers.reload(),
    drop: () => layers.drop(),
  };
}

/** Take back one thing that was chosen; false where nothing was. */
export function escape(shell) {
  if (shell.editing.escape()) return true;
  if (shell.tool === "orbit") return false;
  shell.setTool("orbit");
  return true;
}

/** Take the chosen object apart by where its points vote. */
function split(shell) {
  const { editing, layers, session } = shell;
  const [id, ...others] = editing.chosen;
  if (id === undefined || others.length) return;
  const { cells, places } = votesOf(session.scene, layers.offsets, editing.state.labels, id);
  const groups = twoMeans(places);
  const parts = new Set(cells.filter((_, k) => groups?.[k]));
  const done = editing.split(id, (cell) => parts.has(cell));
  if (!done) shell.say({ kind: "info", title: "All its points lie in one place." });
}

async function polyscope(shell) {
  const { opened, command, why } = await shell.session.api.polyscope(shell.layers.name);
  if (opened) shell.say({ kind: "info", title: "Opened in Polyscope on the studio's machine." });
  else shell.say({ kind: "info", title: "Open it yourself:", text: why, code: command });
}
