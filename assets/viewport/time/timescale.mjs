/** Where steps and marks stand on the timeline. Positions are shares of its width, 0..1. */

/**
 * Last step of the axis. A run that has ended spans its frames. A live one spans total / 2^k, the
 * shortest that holds the present with room to spare: early frames stay wide enough to hit, and
 * the axis jumps a handful of times in a run instead of creeping under the hand.
 */
export function axisEnd(latest, total, isLive) {
  if (!latest) return Math.max(total, 1);
  if (!isLive || !total) return latest;
  let end = Math.max(total, latest, 1);
  while (end / 2 >= Math.max(latest * 1.1, 8)) end /= 2;
  return Math.ceil(end);
}

export function shareOf(step, end) {
  return Math.min(Math.max(step / end, 0), 1);
}

export function stepAt(share, end) {
  return Math.min(Math.max(share, 0), 1) * end;
}

/** Kinds of marks in words, the gravest first. */
export const MARK_WORDS = {
  alarm: "alarm",
  warning: "warning",
  edit: "edit of the configuration",
  resume: "resume",
  mark: "phase",
  checkpoint: "checkpoint",
  cleared: "alarm cleared",
};

/**
 * Marks of a run, grouped where they would touch: `gap` is the least distance as a share.
 * A group takes the kind that matters most.
 */
export function placeMarks(marks, end, gap = 0.012) {
  const weight = Object.fromEntries(
    Object.keys(MARK_WORDS)
      .reverse()
      .map((kind, k) => [kind, k]),
  );
  const placed = [];
  for (const mark of [...marks].sort((a, b) => a.step - b.step)) {
    if (mark.step > end) continue;
    const kind = mark.kind === "alarm" && mark.state === "cleared" ? "cleared" : mark.kind;
    const share = shareOf(mark.step, end);
    const group = placed.at(-1);
    if (!group || share - group.share >= gap) {
      placed.push({ share, kind, step: mark.step, texts: [describeMark(mark)] });
      continue;
    }
    group.texts.push(describeMark(mark));
    if ((weight[kind] ?? 0) > (weight[group.kind] ?? 0)) group.kind = kind;
  }
  return placed;
}

/**
 * Phases that a configuration plans: where warm-up ends, ODR begins and the offset loss joins. One
 * that the run has told of already is left out.
 */
export function phasesOf(config, total, marks) {
  const planned = [
    [config?.optim?.warmup, "The learning rate has warmed up"],
    [config?.odr?.enabled === false ? 0 : config?.odr?.start, "ODR begins"],
    [config?.offset?.enabled === false ? 0 : config?.offset?.start, "The offset loss joins"],
  ];
  return planned
    .filter(([share]) => share > 0 && share < 1)
    .map(([share, text]) => ({ kind: "mark", step: Math.round(share * total), text }))
    .filter(({ text }) => !marks.some((mark) => mark.text?.toLowerCase() === text.toLowerCase()));
}

export function describeMark(mark) {
  const note = mark.text ?? mark.name ?? mark.detail ?? mark.message ?? "";
  if (mark.kind === "edit") return `Edit at step ${mark.step}${note && `: ${note}`}`;
  if (mark.kind === "checkpoint") return `Checkpoint at step ${mark.step}`;
  if (mark.kind === "resume") return `Resumed at step ${mark.from_step ?? mark.step}`;
  if (mark.kind === "warning") return `Warning at step ${mark.step}${note && `: ${note}`}`;
  return note ? `${note} (step ${mark.step})` : `Mark at step ${mark.step}`;
}

/** At most `most` round steps for labels below the axis, ends left out. */
export function axisLabels(end, most = 6) {
  const unit = 10 ** Math.floor(Math.log10(end / most || 1));
  const every = Math.max(
    [1, 2, 5, 10].map((m) => m * unit).find((size) => end / size <= most),
    1,
  );
  const labels = [];
  for (let step = 0; step <= end; step += every) labels.push(step);
  return labels;
}
