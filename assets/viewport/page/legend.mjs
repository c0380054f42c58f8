/** What is drawn, in words and colours, at the foot of the picture. */

import { voteStride } from "../draw/centroids.mjs";
import { make } from "./dom.mjs";
import { count, duration, grouped, metres, ordinal } from "./format.mjs";
import { categoryColor, cssGradient } from "../draw/palette.mjs";
import { NO_SEGMENT, inputKind, meanLength } from "../draw/records.mjs";
import { COLOURINGS } from "./toolbar.mjs";

const MOST_SWATCHES = 8;
const ARROWS = {
  before: "arrows: offsets before ODR",
  after: "arrows: offsets after ODR",
  target: "arrows: ways to the targets",
};
export const WALL_WORDS = { cut: "walls cut away", hidden: "walls, floors and ground hidden" };

export class Legend {
  constructor() {
    this.where = make("div", { class: "vp-legend-title" });
    this.when = make("div", { class: "vp-num" });
    this.drawn = make("div", { class: "vp-num vp-quiet" });
    this.note = make("div", { class: "vp-legend-note" });
    this.scale = make("div", { class: "vp-legend-scale" });
    this.votes = make("div", { class: "vp-legend-votes" });
    this.element = make(
      "div",
      { class: "vp-legend" },
      this.where,
      this.when,
      this.drawn,
      this.note,
      this.votes,
      this.scale,
    );
    this.element.hidden = true;
    this.key = "";
  }

  update({ session, look, drawn, colouring, comparing, trailScale }) {
    const { scene, player, state, shown } = session;
    this.element.hidden = !scene;
    if (!scene) return;
    this.where.textContent = `${session.run} · ${scene.id}`;
    this.when.textContent = `${stepText(session)}${followText(session)}`;
    const points =
      drawn < scene.numPoints
        ? `drawing ${count(drawn)} of ${count(scene.numPoints)} points`
        : `${grouped(scene.numPoints)} points`;
    this.drawn.textContent = [points, WALL_WORDS[look.walls], ageText(session)]
      .filter(Boolean)
      .join(" · ");
    this.note.textContent = noteText(player, session.fault);
    this.note.hidden = !this.note.textContent;
    const key = JSON.stringify([
      scene.id,
      shown?.frame.step,
      colouring,
      look.votes,
      look.centroids,
      state?.status,
      look.unassigned,
      look.arrows,
      trailScale,
      comparing.figures?.share,
    ]);
    if (key === this.key) return; // swatches change with frame and colouring only
    this.key = key;
    this.scale.replaceChildren(...scaleOf(colouring, scene, shown, comparing));
    this.votes.replaceChildren(...votesOf(look, scene, shown?.frame), ...trailsOf(trailScale));
  }
}

export function stepText({ player, state }) {
  const total = state?.total_steps;
  if (player.shown === null)
    return state ? `no frame yet · step ${grouped(state.step)} of ${grouped(total)}` : "";
  return `step ${grouped(player.shown)} of ${grouped(total ?? player.latest)}`;
}

function followText({ player, isLive, state }) {
  if (player.shown === null) return "";
  if (player.playing) return " · playing";
  if (player.following)
    return isLive ? " · following live" : ` · last frame, ${state?.status ?? ""}`;
  return ` · frame ${player.steps.indexOf(player.shown) + 1} of ${player.steps.length}`;
}

function ageText({ isLive, heardAt, link }) {
  if (!isLive || heardAt === null) return "";
  const age = (performance.now() - heardAt) / 1000;
  const how = link.status === "polling" ? ", polled" : "";
  return `data ${age < 1 ? "under 1 s" : duration(age)} old${how}`;
}

function noteText(player, fault) {
  if (fault) return fault;
  return player.stride > 1 ? `showing every ${ordinal(player.stride)} frame` : "";
}

function votesOf(look, scene, frame) {
  if (!frame) return [];
  const rows = look.arrows.map((name) => entry("vp-dash", { "data-quantity": name }, ARROWS[name]));
  if (!look.centroids) return rows;
  if (look.votes !== "target") {
    const name = look.votes === "before" ? "votes before ODR" : "votes after ODR";
    const stride = voteStride(scene);
    const thinned = stride > 1 ? `, 1 in ${stride}` : "";
    const halves = look.votes === "before" ? frame.offsetTeacher : frame.offsetRegularized;
    rows.push(
      entry(
        "vp-dot",
        { "data-quantity": look.votes },
        `${name}${thinned} · mean ${metres(meanLength(scene, halves))}`,
      ),
    );
  }
  rows.push(
    entry(
      "vp-dot vp-ring",
      { "data-quantity": "target" },
      `${grouped(frame.numInstances)} pseudo-instance centroids`,
    ),
  );
  return rows;
}

/** What the colours of the trails mean. */
function trailsOf(scale) {
  if (!scale) return [];
  const most = `${Number(scale.max.toPrecision(2))} ${scale.unit}`;
  return [caption("Trails: how fast centroids drift"), bar(scale.gradient, "0", most)];
}

function scaleOf(colouring, scene, shown, comparing) {
  const { figures, pinned } = comparing;
  if (comparing.decides("colouring")) return [caption("Colours: as each pane says")];
  if (colouring === "difference" && figures) {
    return [
      caption(`Cells with another object than at step ${pinned.frame.step}, in its colour`),
      entry("vp-swatch", { "data-quantity": "unassigned" }, "unchanged"),
      entry("vp-swatch", { "data-quantity": "lost" }, "without an object"),
    ];
  }
  if (colouring === "height") return heightScale(scene);
  if (colouring === "input" && inputKind(scene) === "intensity") {
    return [
      make("div", { class: "vp-quiet", text: "Intensity, square root" }),
      bar("linear-gradient(to right, #2e2e2e, #f4f4f4)", "0", "1"),
    ];
  }
  if (colouring === "input")
    return [caption(inputKind(scene) ? "Input colour" : "No colour in this scan")];
  if (colouring === "features")
    return [caption("Teacher features, first three principal components")];
  return categoriesOf(colouring, scene, shown);
}

export function heightScale(scene) {
  const { low, high } = scene.core;
  const base = scene.origin[2];
  return [
    make("div", { class: "vp-quiet", text: "Height, m" }),
    bar(cssGradient(), height(low[2] + base), height(high[2] + base)),
  ];
}

export function categoriesOf(colouring, scene, shown) {
  const sizes = new Map();
  const ids = {
    segment: shown?.frame.segment,
    instance: shown?.frame.instance,
    truth: scene.instance,
  }[colouring];
  for (const id of ids ?? []) sizes.set(id, (sizes.get(id) ?? 0) + 1);
  const isNone = (id) => id < 0 || (colouring === "segment" && id === NO_SEGMENT);
  const unassigned = [...sizes.keys()].some(isNone);
  const named = [...sizes.keys()]
    .filter((id) => !isNone(id))
    .sort((a, b) => sizes.get(b) - sizes.get(a));
  const rank = new Map([...named].sort((a, b) => a - b).map((id, k) => [id, k]));
  const colorOf = (id) =>
    categoryColor(
      colouring === "instance" ? shown.slots[id] : colouring === "truth" ? rank.get(id) : id,
    );
  const swatches = named.slice(0, MOST_SWATCHES).map((id) => {
    const swatch = make("span", { class: "vp-swatch" });
    swatch.style.background = colorOf(id);
    return swatch;
  });
  const noun = { segment: "segments", instance: "pseudo-instances", truth: "true instances" }[
    colouring
  ];
  return [
    caption(COLOURINGS[colouring]),
    make(
      "div",
      { class: "vp-swatches" },
      ...swatches,
      make("span", { class: "vp-quiet vp-num", text: `${grouped(named.length)} ${noun}` }),
    ),
    unassigned ? entry("vp-swatch", { "data-quantity": "unassigned" }, noneText(colouring)) : "",
  ];
}

function noneText(colouring) {
  return colouring === "segment" ? "none: planes, not clustered" : "none";
}

export function caption(text) {
  return make("div", { class: "vp-quiet", text });
}

export function entry(className, attributes, text) {
  return make(
    "div",
    { class: "vp-entry vp-num" },
    make("span", { class: className, attributes }),
    text,
  );
}

/** Metres with one decimal, and no minus before a zero. */
function height(value) {
  return (Math.round(value * 10) / 10 || 0).toFixed(1);
}

export function bar(gradient, low, high) {
  const strip = make("div", { class: "vp-bar" });
  strip.style.background = gradient;
  return make(
    "div",
    { class: "vp-bar-row vp-num" },
    make("span", { text: low }),
    strip,
    make("span", { text: high }),
  );
}
