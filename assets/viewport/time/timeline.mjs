/** The bar of time below the page: kept frames, marks, the cursor, play and follow. */

import { make, svg } from "../page/dom.mjs";
import { icon } from "../page/icons.mjs";
import { grouped } from "../page/format.mjs";
import {
  MARK_WORDS,
  axisEnd,
  axisLabels,
  phasesOf,
  placeMarks,
  shareOf,
  stepAt,
} from "./timescale.mjs";

const SPEEDS = [0.5, 1, 2, 4];
const MOST_TOLD = 6; // lines of a group of marks

export class Timeline {
  /** @param {(action: (player) => void) => void} steer */
  constructor(root, steer) {
    this.steer = steer;
    this.end = 1;
    this.play = button("Play (Space)", () => steer((p) => p.toggle(performance.now())));
    this.follow = make("button", {
      class: "tl-follow",
      title: "Stay with the newest frame (End)",
      attributes: { type: "button" },
      on: { click: () => steer((player) => player.follow()) },
    });
    this.speed = make(
      "select",
      {
        class: "vp-select",
        label: "Speed",
        title: "Playing speed",
        on: { change: () => steer((p) => (p.speed = Number(this.speed.value))) },
      },
      ...SPEEDS.map((speed) =>
        make("option", { text: `${speed}×`, attributes: { value: String(speed) } }),
      ),
    );
    this.speed.value = "1";
    this.readout = make("output", { class: "tl-readout vp-num" });
    this.ticks = svg("path", { class: "tl-ticks" });
    this.reached = make("div", { class: "tl-reached" });
    this.marks = make("div", { class: "tl-marks" });
    this.labels = make("div", { class: "tl-labels vp-num" });
    this.cursor = make("div", { class: "tl-cursor" });
    this.hover = make("div", { class: "tl-hover vp-num" });
    this.legend = make("div", { class: "tl-legend", attributes: { "aria-hidden": "true" } });
    this.track = make(
      "div",
      { class: "tl-track", label: "Step", attributes: { role: "slider", tabindex: 0 } },
      make("div", { class: "tl-rail" }, this.reached),
      svg(
        "svg",
        {
          class: "tl-svg",
          viewBox: "0 0 10000 10",
          preserveAspectRatio: "none",
          "aria-hidden": "true",
        },
        this.ticks,
      ),
      this.marks,
      this.labels,
      this.cursor,
      this.hover,
      this.legend,
    );
    this._listen();
    this.element = make(
      "div",
      { class: "timeline", label: "Timeline", attributes: { role: "group" } },
      make(
        "div",
        { class: "tl-buttons" },
        button("One frame back (Left)", () => steer((p) => p.move(-1)), "back"),
        this.play,
        button("One frame on (Right)", () => steer((p) => p.move(1)), "forward"),
        this.speed,
      ),
      this.readout,
      this.track,
      this.follow,
    );
    root.append(this.element);
    this.keys = {};
  }

  update({ player, state, info, isLive }) {
    const total = state?.total_steps ?? 0;
    const marks = info?.marks ?? [];
    const latest = Math.max(player.latest ?? 0, isLive ? (state?.step ?? 0) : 0);
    this.end = axisEnd(latest, total, isLive);
    this._ifChanged("ticks", [player.steps.length, player.latest, player.steps[0], this.end], () =>
      this._drawTicks(player.steps),
    );
    this._ifChanged("marks", [marks.length, this.end, total], () =>
      this._drawMarks([...marks, ...phasesOf(info?.config, total, marks)]),
    );
    this._ifChanged("labels", [this.end], () => this._drawLabels());
    this._ifChanged("play", [player.playing], () => {
      this.play.replaceChildren(icon(player.playing ? "pause" : "play"));
      this.play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
    });
    const at = player.cursor ?? 0;
    this.reached.style.width = percent(shareOf(latest, this.end));
    this.cursor.style.left = percent(shareOf(at, this.end));
    this.cursor.hidden = player.cursor === null;
    this.readout.textContent =
      player.cursor === null
        ? "no frame"
        : `step ${grouped(at)}${total ? ` / ${grouped(total)}` : ""}`;
    this.follow.textContent = isLive ? "Follow live" : "Last frame";
    this.follow.setAttribute("aria-pressed", String(player.following));
    this.follow.classList.toggle("is-live", isLive);
    for (const [name, value] of [
      ["min", 0],
      ["max", this.end],
      ["now", at],
      ["text", `step ${at} of ${total}`],
    ]) {
      this.track.setAttribute(`aria-value${name}`, String(value));
    }
    this.element.toggleAttribute("data-empty", !player.steps.length);
  }

  _ifChanged(name, values, draw) {
    const key = values.join(" ");
    if (this.keys[name] === key) return;
    this.keys[name] = key;
    draw();
  }

  _drawTicks(steps) {
    const path = steps
      .map((step) => `M${(shareOf(step, this.end) * 10000).toFixed(0)} 0v10`)
      .join("");
    this.ticks.setAttribute("d", path);
  }

  _drawMarks(marks) {
    const placed = placeMarks(marks, this.end);
    this.marks.replaceChildren(
      ...placed.map(({ share, kind, texts }) => {
        const mark = shape(kind);
        mark.style.left = percent(share);
        mark.addEventListener("pointerenter", () => (this.told = texts));
        mark.addEventListener("pointerleave", () => (this.told = null));
        return mark;
      }),
    );
    const kinds = new Set(placed.map(({ kind }) => kind));
    this.legend.replaceChildren(
      ...Object.keys(MARK_WORDS)
        .filter((kind) => kinds.has(kind))
        .map((kind) => make("span", { class: "vp-entry" }, shape(kind), MARK_WORDS[kind])),
    );
  }

  _drawLabels() {
    this.labels.replaceChildren(
      ...axisLabels(this.end).map((step) => {
        const label = make("span", { text: grouped(step) });
        label.style.left = percent(shareOf(step, this.end));
        return label;
      }),
    );
  }

  _listen() {
    const stepUnder = (event) => {
      const box = this.track.getBoundingClientRect();
      return stepAt((event.clientX - box.left) / box.width, this.end);
    };
    let isDragging = false;
    const scrub = (event) =>
      this.steer((player) => {
        player.playing = false;
        player.seek(stepUnder(event));
      });
    this.track.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      isDragging = true;
      this.track.setPointerCapture(event.pointerId);
      scrub(event);
    });
    this.track.addEventListener("pointermove", (event) => {
      const step = stepUnder(event);
      this.hover.textContent = this.told
        ? this.told.slice(0, MOST_TOLD).join("\n")
        : `step ${grouped(Math.round(step))}`;
      const share = shareOf(step, this.end);
      this.hover.style.left = percent(share);
      this.hover.style.setProperty("--lean", `${-100 * share}%`); // stays inside at both ends
      if (isDragging) scrub(event);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      this.track.addEventListener(name, () => (isDragging = false));
    }
  }
}

function shape(kind) {
  return make("span", { class: "tl-mark", attributes: { "data-kind": kind } });
}

function button(title, onClick, iconName) {
  return make(
    "button",
    {
      class: "vp-icon",
      title,
      label: title.replace(/ \(.*\)$/, ""),
      attributes: { type: "button" },
      on: { click: onClick },
    },
    iconName ? icon(iconName) : null,
  );
}

function percent(share) {
  return `${(share * 100).toFixed(3)}%`;
}
