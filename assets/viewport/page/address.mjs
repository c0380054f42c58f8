/**
 * The look of a picture as the end of an address, so that a copied link opens the same picture.
 * Pure: text in, values out. What makes no sense is left out. The part after "#" never reaches a
 * server, and holds no token.
 */

const WALLS = new Set(["all", "cut", "hidden"]);
const VOTES = new Set(["before", "after", "target"]);
const TOOLS = new Set(["box", "lasso"]);
const PANES = new Set(["odr", "groups", "four"]);
const WHICH = new Set(["before", "after"]);
const DIGITS = 4; // significant, of every number
const EXACT_DIGITS = 17; // of a view whose picture should come back pixel by pixel

/** @param {{colouring: string, walls: string, t: number, size: number, camera: ?object}} look */
export function writeLook(look, digits = DIGITS) {
  return `#${lookParts(look, digits).toString().replaceAll("%2C", ",")}`;
}

function lookParts({ colouring, walls, t, size, camera }, digits) {
  const parts = new URLSearchParams({ colouring, walls });
  if (t > 0) parts.set("t", short(t, digits));
  if (size !== 1) parts.set("size", short(size, digits));
  if (camera) {
    const { target, distance, yaw, pitch } = camera;
    const numbers = [...target, distance, yaw, pitch];
    parts.set("camera", numbers.map((value) => short(value, digits)).join(","));
  }
  return parts;
}

/** The values that an address holds, each only if it is possible. */
export function readLook(hash, colourings) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const look = {};
  const number = (name, low, high) => {
    const value = Number.parseFloat(parts.get(name));
    if (value >= low && value <= high) look[name] = value;
  };
  if (colourings.includes(parts.get("colouring"))) look.colouring = parts.get("colouring");
  if (WALLS.has(parts.get("walls"))) look.walls = parts.get("walls");
  number("t", 0, 1);
  number("size", 0.1, 10);
  const numbers = (parts.get("camera") ?? "").split(",").map(Number);
  if (numbers.length === 6 && numbers.every(Number.isFinite) && numbers[3] > 0) {
    const [x, y, z, distance, yaw, pitch] = numbers;
    look.camera = { target: [x, y, z], distance, yaw, pitch };
  }
  return look;
}

/**
 * A view of a run: a look, and scene, step (null = following the newest), slots, votes, marks,
 * panes, compared step, selection, hidden and isolated objects, picked point, tool.
 */
export function writeView(view) {
  const parts = new URLSearchParams();
  const { scene, step, votes, panes, compared, tool, picked } = view;
  if (scene) parts.set("scene", scene);
  parts.set("step", step === null ? "live" : String(step));
  for (const [key, value] of lookParts(view, EXACT_DIGITS)) parts.set(key, value);
  if (votes !== "before") parts.set("votes", votes);
  if (!view.centroids) parts.set("centroids", "0");
  if (view.arrows.length) parts.set("arrows", view.arrows.join(","));
  if (view.trailFrames !== null) parts.set("trails", String(view.trailFrames));
  if (panes !== "one") parts.set("panes", panes);
  if (compared !== null) parts.set("compare", String(compared));
  if (view.slots) parts.set("slots", writeSlots(view.slots));
  if (view.hidden.length) parts.set("hidden", view.hidden.join(","));
  if (view.isolated) parts.set("isolated", view.isolated);
  if (picked !== null) parts.set("picked", String(picked));
  if (view.selection) parts.set("selection", writeSelection(view.selection));
  if (tool !== "orbit") parts.set("tool", tool);
  return `#${parts.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")}`;
}

/** What an address says of a view, and whether to play at once; each value only if possible. */
export function readView(hash, colourings) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const view = readLook(hash, colourings);
  const text = (name) => parts.get(name) ?? "";
  const take = (name, value) => {
    if (value !== null && value !== undefined) view[name] = value;
  };
  const among = (values, name) => (values.has(text(name)) ? text(name) : null);
  const objects = (name) =>
    text(name)
      .split(",")
      .filter((key) => /^(segment|object):\d{1,5}$/.test(key));
  if (text("scene")) view.scene = text("scene");
  if (text("play") === "1") view.play = true;
  if (text("step") === "live") view.step = null;
  else take("step", whole(text("step")));
  take("votes", among(VOTES, "votes"));
  if (text("centroids") === "0") view.centroids = false;
  const arrows = text("arrows")
    .split(",")
    .filter((name) => VOTES.has(name));
  if (arrows.length) view.arrows = arrows;
  take("trailFrames", whole(text("trails"), 64));
  take("panes", among(PANES, "panes"));
  take("compared", whole(text("compare")));
  take("slots", readSlots(text("slots")));
  if (objects("hidden").length) view.hidden = objects("hidden");
  take("isolated", objects("isolated")[0]);
  take("picked", whole(text("picked")));
  take("selection", readSelection(text("selection")));
  take("tool", among(TOOLS, "tool"));
  return view;
}

/** A selection as {rule, label}, or {runs, label} where only its cells tell. */
export function writeSelection({ rule, runs }) {
  if (rule.kind === "length") {
    return ["length", rule.which, short(rule.low), short(rule.high), rule.step].join(",");
  }
  if (rule.kind === "segment") return `segment,${rule.segment},${rule.step}`;
  if (rule.kind === "instance") return `instance,${rule.row},${rule.step}`;
  return `cells,${runs}`;
}

function readSelection(text) {
  const [kind, ...rest] = text.split(",");
  if (kind === "cells" && rest.length === 1 && rest[0]) {
    return { rule: { kind }, runs: rest[0] };
  }
  if (kind === "length") {
    const [low, high, step] = [Number(rest[1]), Number(rest[2]), whole(rest[3] ?? "")];
    if (WHICH.has(rest[0]) && low >= 0 && high > low && step !== null) {
      return { rule: { kind, which: rest[0], low, high, step } };
    }
  }
  const [id, step] = [whole(rest[0] ?? ""), whole(rest[1] ?? "")];
  if (id === null || step === null) return null;
  if (kind === "segment") return { rule: { kind, segment: id, step } };
  if (kind === "instance") return { rule: { kind, row: id, step } };
  return null;
}

/** Slots as two letters each; frames number their objects in order, which needs no saying. */
export function writeSlots(slots) {
  return Array.from(slots, (slot) => slot.toString(36).padStart(2, "0")).join("");
}

function readSlots(text) {
  if (!text || text.length % 2 || !/^[0-9a-z]+$/.test(text)) return null;
  const slots = Int32Array.from({ length: text.length / 2 }, (_, k) =>
    Number.parseInt(text.slice(2 * k, 2 * k + 2), 36),
  );
  return new Set(slots).size === slots.length ? slots : null;
}

function whole(text, most = 1e12) {
  return /^\d{1,12}$/.test(text) && Number(text) <= most ? Number(text) : null;
}

function short(value, digits = DIGITS) {
  return String(Number(value.toPrecision(digits)));
}
