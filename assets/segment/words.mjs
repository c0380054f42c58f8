/** What the page says: states, phases, files, figures. Pure. */

import { bytes, count, duration, grouped } from "../viewport/page/format.mjs";

const PHASES = {
  reading: "Reading the scan",
  planes: "Finding floor and walls",
  network: "Predicting where every point's object has its centre",
  grouping: "Grouping the points",
  evaluating: "Comparing with the ground truth",
  writing: "Writing the result",
};

export const STATES = {
  waiting: "in line",
  running: "running",
  asking: "has a question",
  finished: "done",
  failed: "failed",
  stopped: "stopped",
};

/** Whether its job is at work or will be. */
export function isAlive(status) {
  return status === "waiting" || status === "running";
}

/** Where a job stands: {title, text, share}. */
export function phaseOf({ status, phase, done, total, eta_s: left, detail, ahead }) {
  if (status === "waiting") {
    const before = ahead > 0 ? `${grouped(ahead)} before it.` : "It comes next.";
    return { title: "Waiting in line", text: before };
  }
  const title = PHASES[phase] ?? "Starting";
  const parts = [];
  if (total > 1) parts.push(`${grouped(done)} of ${grouped(total)}`);
  if (left !== null && left !== undefined) parts.push(`about ${duration(left)} left`);
  if (detail) parts.push(detail);
  const share = total > 0 ? Math.min(done / total, 1) : undefined;
  return { title, text: parts.join(" · ") || (phase ? "" : "It begins in a moment."), share };
}

/** Bytes with their unit, also of very large files. */
export function size(number) {
  return number < 1e9 ? bytes(number) : `${Number((number / 1e9).toFixed(1))} GB`;
}

const COMMON = ["PLY", "PCD", "LAS", "LAZ", "E57", "XYZ"]; // named first

/** Endings as names of formats. */
export function formatsOf(suffixes) {
  const names = new Set(suffixes.map((suffix) => suffix.split(".").at(-1).toUpperCase()));
  const common = COMMON.filter((name) => names.has(name));
  return [...new Set([...common, ...names])].join(", ");
}

/** Why a file cannot be taken, or "". @param {object} limits {suffixes, max_upload_bytes} */
export function refusalOf({ name, size: length }, { suffixes, max_upload_bytes: most }) {
  const low = name.toLowerCase();
  if (!suffixes.some((suffix) => low.endsWith(suffix.toLowerCase()))) {
    return `${name} is of a kind that is not read here. Save it as one of ${suffixes.join(", ")}.`;
  }
  if (length === 0) return `${name} is empty. Export it again.`;
  if (length > most) {
    return (
      `${name} has ${size(length)}, the limit is ${size(most)}. ` +
      "Thin it out, or start the studio with a higher limit (--max-upload-mb)."
    );
  }
  return "";
}

const UNITS = {
  m: "metres",
  cm: "centimetres",
  mm: "millimetres",
  km: "kilometres",
  ft: "feet",
  in: "inches",
};
const AXES = new Set(["x", "y", "z"]);

/** A question of the reader as {title, answers: [[words, {units | up}], ...]}; null for none. */
export function questionOf(ask) {
  const { units, up } = ask ?? {};
  if (UNITS[units]) {
    const others = ["m", "cm", "mm"].filter((unit) => unit !== units);
    return {
      title: `Is this scan in ${UNITS[units]}?`,
      answers: [
        [`Yes, ${UNITS[units]}`, { units }],
        ...others.map((unit) => [`No, ${UNITS[unit]}`, { units: unit }]),
      ],
    };
  }
  if (!AXES.has(up)) return null;
  const other = up === "z" ? "y" : "z";
  return {
    title: `Does the ${up} axis of this scan point up?`,
    answers: [
      [`Yes, ${up} is up`, { up }],
      [`No, ${other} is up`, { up: other }],
    ],
  };
}

/** A share as percent with one decimal, as tables of results write it. */
export function percent(share) {
  return Number.isFinite(share) ? (100 * share).toFixed(1) : "–";
}

export const FIGURES = {
  ap: ["AP", "Average precision over IoU 0.5 to 0.95, class-agnostic"],
  ap50: ["AP50", "Average precision at IoU 0.5, class-agnostic"],
  pq: ["PQ", "Panoptic quality of the objects"],
  ari: ["ARI", "Adjusted Rand index"],
};

export function figuresText(figures) {
  if (!figures) return "";
  return ["ap50", "pq", "ari"]
    .filter((key) => Number.isFinite(figures[key]))
    .map((key) => `${FIGURES[key][0]} ${percent(figures[key])}`)
    .join(" · ");
}

export function objects(number) {
  return `${grouped(number)} ${number === 1 ? "object" : "objects"}`;
}

export function points(number) {
  return number === null || number === undefined ? "" : `${count(number)} points`;
}
