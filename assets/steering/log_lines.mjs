/** Events and lines of `log.txt` as {t, step, kind, text}; a line of the file may have no step. */

import { written } from "./fields.mjs";
import { NAMES } from "./waiting.mjs";

/** What the log can be narrowed to: name -> kinds, none = all. */
export const FILTERS = {
  everything: [],
  "commands and edits": ["control", "edit"],
  "alarms and warnings": ["alarm", "warning", "refused"],
  checkpoints: ["checkpoint", "resume"],
};

const TEXTS = {
  state: ({ status, detail }) => [status, detail].filter(Boolean).join(": "),
  resume: ({ from_step: step }) => `resumed from step ${step}`,
  checkpoint: () => "checkpoint saved",
  alarm: ({ name, state, text }) =>
    state === "cleared" ? `cleared: ${text ?? name}` : (text ?? name),
  control: ({ command, text }) => text || `${NAMES[command] ?? command}: done`,
  edit: ({ text, values }) => text || changes(values),
};

function changes(values) {
  return Object.entries(values ?? {})
    .map(([name, [before, after]]) => `${name} ${written(before)} → ${written(after)}`)
    .join(", ");
}

/** The line of an event; null for one that has nothing to say. */
export function lineOf(event) {
  const { t, step, kind } = event;
  if (kind === "scalars") return null;
  if (kind === "control" && event.command === "set" && event.ok) return null; // the edit tells it
  const text = TEXTS[kind]?.(event) ?? event.text ?? "";
  return { t, step, kind: kind === "control" && !event.ok ? "refused" : kind, text: String(text) };
}

const STAMPED = /^(\d{4}-\d{2}-\d{2}T[\d:]+(?:[+-]\d{2}:\d{2}|Z)?) (?:step (\d+): )?(.*)$/;

/** Lines of `log.txt`; a line without a time goes on with the one before it. */
export function logLines(texts) {
  const lines = [];
  for (const text of texts) {
    const match = STAMPED.exec(text);
    if (match) {
      const step = match[2] === undefined ? null : Number(match[2]);
      lines.push({ t: Date.parse(match[1]) / 1000, step, kind: "log", text: match[3] });
    } else if (lines.length) lines.at(-1).text += `\n${text}`;
  }
  return lines;
}

/** One list by time; what an event says already is not said twice. */
export function merged(events, logged) {
  const said = new Set(events.map(({ step, text }) => `${step} ${text}`));
  const fresh = logged.filter(({ step, text }) => !said.has(`${step} ${text}`));
  return [...events, ...fresh].sort((a, b) => Math.floor(a.t) - Math.floor(b.t));
}

export function narrowed(lines, filter, query) {
  const kinds = FILTERS[filter] ?? [];
  const words = query.toLowerCase();
  return lines.filter(
    ({ kind, text, step }) =>
      (!kinds.length || kinds.includes(kind)) &&
      `${kind} ${text} step ${step}`.toLowerCase().includes(words),
  );
}

/** Row of the last line that was there at a step; -1 if all came later. */
export function lineAt(lines, step) {
  return lines.findLastIndex((line) => line.step !== null && line.step <= step);
}
