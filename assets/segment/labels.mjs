/**
 * A labelling of cells that a person changes: merge, split, carve out, remove, rename. Pure: each
 * function makes a change, or null where there is nothing to change; `apply` and `revert` carry it
 * out. A change keeps only what it touches, so that many fit into the history.
 *
 * Ids are never used twice: an instance that is undone and made again may get another number.
 */

const NO_INSTANCE = -1;
const LONGEST_NAME = 80;

/** @param {ArrayLike<number>} labels id of each cell @param {Map<number, string>} names by id */
export function makeLabelling(labels, names = new Map(), made = new Set()) {
  let most = NO_INSTANCE;
  for (const id of labels) if (id > most) most = id;
  return {
    labels: Int32Array.from(labels),
    names: new Map(names),
    made: new Set(made), // ids that a person has made or changed
    next: Math.max(most, ...names.keys(), NO_INSTANCE) + 1,
  };
}

/** Ids in use with their number of cells. */
export function sizesOf(labels) {
  const sizes = new Map();
  for (const id of labels) if (id >= 0) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  return sizes;
}

/** All of them become the largest one; ties go to the lower id. */
export function merge(state, ids) {
  const sizes = sizesOf(state.labels);
  const known = [...new Set(ids)].filter((id) => sizes.has(id));
  if (known.length < 2) return null;
  known.sort((a, b) => sizes.get(b) - sizes.get(a) || a - b);
  const [kept, ...given] = known;
  const gone = new Set(given);
  return relabel(state, (id) => gone.has(id), kept, {
    text: `${known.length} objects merged`,
    chosen: [kept],
    made: [kept],
  });
}

/** Cells of an instance for which `isOther(cell)` become a new one. */
export function split(state, id, isOther) {
  const fresh = state.next;
  const change = relabel(state, (label, cell) => label === id && isOther(cell), fresh, {
    text: "one object split in two",
    chosen: [id, fresh],
    made: [id, fresh],
  });
  const whole = sizesOf(state.labels).get(id) ?? 0;
  return change && change.cells.length < whole ? change : null;
}

/** Cells of a mask become a new instance. */
export function carve(state, mask) {
  return relabel(state, (_, cell) => mask[cell] > 0, state.next, {
    text: "one object made by hand",
    chosen: [state.next],
    made: [state.next],
  });
}

/** The cells of these instances belong to none. */
export function remove(state, ids) {
  const gone = new Set(ids);
  const words = gone.size === 1 ? "one object removed" : `${gone.size} objects removed`;
  const isIn = (id) => id >= 0 && gone.has(id);
  return relabel(state, isIn, NO_INSTANCE, { text: words, chosen: [], made: [] });
}

export function rename(state, id, text) {
  const name = text.trim().replace(/\s+/g, " ").slice(0, LONGEST_NAME);
  const before = state.names.get(id) ?? "";
  if (name === before) return null;
  return {
    text: name ? `named ${name}` : "a name taken away",
    cells: new Uint32Array(0),
    before: new Int32Array(0),
    after: NO_INSTANCE,
    named: { id, before, after: name },
    made: [],
    chosen: [id],
    next: state.next,
  };
}

function relabel(state, isIn, after, { text, chosen, made }) {
  const cells = [];
  const { labels } = state;
  for (let cell = 0; cell < labels.length; cell++) {
    if (labels[cell] !== after && isIn(labels[cell], cell)) cells.push(cell);
  }
  if (!cells.length) return null;
  return {
    text,
    cells: Uint32Array.from(cells),
    before: Int32Array.from(cells, (cell) => labels[cell]),
    after,
    named: null,
    made: made.filter((id) => !state.made.has(id)),
    chosen,
    next: state.next,
  };
}

function apply(state, { cells, after, named, made }) {
  for (const cell of cells) state.labels[cell] = after;
  for (const id of made) state.made.add(id);
  if (named) setName(state, named.id, named.after);
  state.next = Math.max(state.next, after + 1);
}

function revert(state, { cells, before, named, made, next }) {
  cells.forEach((cell, k) => (state.labels[cell] = before[k]));
  for (const id of made) state.made.delete(id);
  if (named) setName(state, named.id, named.before);
  state.next = next;
}

function setName(state, id, name) {
  if (name) state.names.set(id, name);
  else state.names.delete(id);
}

/** Changes that were made, and those that were taken back. */
export class Changes {
  constructor(most = 100) {
    this.most = most;
    this.done = [];
    this.undone = [];
  }

  do(state, change) {
    if (!change) return null;
    apply(state, change);
    this.done.push(change);
    if (this.done.length > this.most) this.done.shift();
    this.undone = [];
    return change;
  }

  undo(state) {
    const change = this.done.pop();
    if (!change) return null;
    revert(state, change);
    this.undone.push(change);
    return change;
  }

  redo(state) {
    const change = this.undone.pop();
    if (!change) return null;
    apply(state, change);
    this.done.push(change);
    return change;
  }
}

/** Labels as the server takes them: base64 of 32-bit integers, lowest byte first. */
export function labelsAsBase64(labels) {
  const bytes = new Uint8Array(4 * labels.length);
  const view = new DataView(bytes.buffer);
  labels.forEach((id, cell) => view.setInt32(4 * cell, id, true));
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}
