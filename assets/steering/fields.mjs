/**
 * Fields of the configuration: their words, and values as text and back. A field is what the server
 * sends: {name, group, value, kind, choices?, length?, about, source}; its kind is one of number,
 * int, switch, choice, text, numbers, texts and pairs.
 */

/** Paper symbol, plain name and unit of the fields that people steer by. */
export const WORDS = {
  "offset.weight": { symbol: ["λ", "off"], name: "weight of the offset loss" },
  "offset.start": { name: "offset loss joins after", unit: "share of steps" },
  "scr.grouping": { name: "SCR grouping" },
  "scr.num_segments": { symbol: ["K"], name: "K-means segments" },
  "scr.num_neighbours": { symbol: ["k"], name: "neighbours in the graph of votes" },
  "scr.link_radius": { symbol: ["τ", "d"], name: "link radius", unit: "m" },
  "scr.min_size": { symbol: ["τ", "min"], name: "smallest pseudo-instance", unit: "cells" },
  "odr.prior.kind": { symbol: ["F"], name: "family of the prior" },
  "odr.prior.shape": { symbol: ["a"], name: "shape of the prior" },
  "odr.prior.scale": { symbol: ["θ"], name: "scale of the prior", unit: "m" },
  "odr.prior.mu": { symbol: ["μ"], name: "mean of log metres" },
  "odr.prior.sigma": { symbol: ["σ"], name: "spread of log metres" },
  "odr.prior.quantiles": { name: "quantiles of the prior", unit: "m" },
  "odr.prior.path": { name: "file of the prior" },
  "optim.lr": { symbol: ["η"], name: "learning rate" },
  "optim.steps": { name: "optimiser steps" },
  "optim.batch_scenes": { name: "scenes a step" },
  "scene.source": { name: "scenes" },
  "view.mask_ratio": { name: "masked share, start and end" },
  "view.mask_size": { name: "mask size, start and end", unit: "m" },
  "log.frame_every": { name: "a frame at most every", unit: "steps" },
  "log.watch_budget": { name: "time for watching at most", unit: "share" },
  seed: { name: "seed of all random draws" },
};

const PRIOR_PARTS = {
  gamma: ["shape", "scale"],
  lognormal: ["mu", "sigma"],
  half_normal: ["scale"],
  exponential: ["scale"],
  empirical: ["quantiles"],
  hdbscan: [],
  file: ["path"],
};
const PRIOR_PART = /^odr\.prior\.(shape|scale|mu|sigma|quantiles|path)$/;

export function wordsOf(name) {
  return WORDS[name] ?? { name: name.split(".").at(-1).replaceAll("_", " ") };
}

/** Whether a field means anything, given the family of the prior. */
export function isInForce(name, priorKind) {
  const part = PRIOR_PART.exec(name)?.[1];
  return !part || (PRIOR_PARTS[priorKind]?.includes(part) ?? true);
}

/** A value as people read and type it. */
export function written(value) {
  if (value === null || value === undefined) return "–";
  if (!Array.isArray(value)) return String(value);
  return value.some(Array.isArray) ? JSON.stringify(value) : value.join(", ");
}

/** A value for reading only: long lists are cut. */
export function shortened(value, most = 6) {
  if (!Array.isArray(value) || value.length <= most) return written(value);
  return `${value.length} values, ${written(value[0])} to ${written(value.at(-1))}`;
}

/**
 * The value that a text stands for.
 * @throws {Error} with what came and what was expected
 */
export function parsed({ kind, choices, length }, text) {
  const typed = text.trim();
  if (kind === "switch") return typed === "true";
  if (kind === "choice") return choices.find((choice) => String(choice) === typed) ?? typed;
  if (kind === "int" || kind === "number") return number(typed, kind === "int");
  if (kind === "numbers") return numbers(typed, length);
  if (kind === "pairs") return pairs(typed);
  return kind === "texts" ? split(typed) : typed;
}

function number(typed, isWhole) {
  const value = Number(typed);
  const isFine = typed !== "" && Number.isFinite(value) && (!isWhole || Number.isInteger(value));
  if (isFine) return value;
  throw new Error(`expected a ${isWhole ? "whole " : ""}number, got "${typed.slice(0, 30)}".`);
}

function numbers(typed, length) {
  const values = split(typed).map((part) => number(part, false));
  if (length === undefined || length === null || values.length === length) return values;
  throw new Error(`expected ${length} numbers, got ${values.length}.`);
}

function pairs(typed) {
  try {
    return JSON.parse(typed || "[]");
  } catch {
    throw new Error(`expected pairs like [[0.2, 0.4]], got "${typed.slice(0, 30)}".`);
  }
}

function split(typed) {
  return typed.split(/[\s,;]+/).filter(Boolean);
}

export function isSame(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Whether a field is found by what somebody types into the search box. */
export function isFound(field, query) {
  const hay = `${field.name} ${wordsOf(field.name).name} ${field.about ?? ""}`.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

/** One line for a shell: parts with anything special in them are quoted. */
export function shellLine(argv) {
  return argv
    .map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

/** A nested configuration by dotted names. */
export function flat(config, path = "") {
  return Object.entries(config).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? flat(value, `${path}${name}.`)
      : [[path + name, value]],
  );
}
