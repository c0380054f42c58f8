/** What can be done with a run whose trainer is not there any more: go on with it, or fork it. */

import { make } from "../viewport/page/dom.mjs";
import { grouped } from "../viewport/page/format.mjs";
import { ask } from "./requests.mjs";

const WORDS = {
  finished: "The training has reached its end: there is nothing to steer.",
  stopped: "Its trainer has ended: there is nothing to steer.",
  failed: "Its trainer has ended: there is nothing to steer.",
  lost: "Its trainer is gone: there is nothing to steer.",
};
const RECORDING = "This is a recording: nobody trains it, so there is nothing to steer.";

/** `parts` makes the elements; they change with `key` only. */
export function endedView(run, { status, is_recording: isRecording }, rights) {
  if (isRecording) {
    return {
      key: "recording",
      parts: () => [make("p", { class: "quiet", text: RECORDING })],
    };
  }
  if (!(status in WORDS)) return { key: "none", parts: () => [] };
  const words = () => make("p", { class: "quiet", text: WORDS[status] });
  return {
    key: `${status} ${rights}`,
    parts: () => (rights === "control" ? [words(), ways(run, status)] : [words()]),
  };
}

function ways(run, status) {
  const row = make("div", { class: "st-row" });
  ask(`/api/runs/${encodeURIComponent(run)}`)
    .then(({ checkpoints = [] }) => row.replaceChildren(...links(run, status, checkpoints)))
    .catch((error) => row.replaceChildren(make("p", { class: "quiet", text: error.message })));
  return row;
}

function links(run, status, checkpoints) {
  if (!checkpoints.length)
    return [make("p", { class: "quiet", text: "It has no checkpoint to go on from." })];
  const newest = checkpoints.at(-1).step;
  const fork = make("a", { class: "button", text: "Fork", title: "A new run that starts there" });
  const choose = make(
    "select",
    { label: "Checkpoint to fork from", on: { change: () => point() } },
    ...checkpoints
      .toReversed()
      .map(({ step }) =>
        make("option", { text: `step ${grouped(step)}`, attributes: { value: step } }),
      ),
  );
  const point = () => {
    fork.href = `/launch?${new URLSearchParams({ fork: run, step: choose.value })}`;
  };
  point();
  const resume = make("a", {
    class: "button is-main",
    text: `Go on from step ${grouped(newest)}`,
    attributes: { href: `/launch?${new URLSearchParams({ resume: run })}` },
  });
  return [
    status === "finished" ? null : resume,
    fork,
    make("span", { class: "quiet", text: "from" }),
    choose,
  ].filter(Boolean);
}
