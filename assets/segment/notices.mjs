/**
 * The states of a segmentation that are not a picture, with what one can do about each; and lines
 * over the picture while something is being made.
 */

import { make } from "../viewport/page/dom.mjs";
import { bytes } from "../viewport/page/format.mjs";
import { NoticePanel } from "../viewport/page/notices.mjs";
import { isAlive, phaseOf, questionOf } from "./words.mjs";

export class ResultNotices extends NoticePanel {
  /** @param {{onAct: (name: string, argument: *) => void}} ask */
  constructor(ask) {
    super({ onRetry: () => ask.onAct("again") });
    this.act = ask.onAct;
  }

  /** @param {?object} panel undefined = as it is @param {object[]} banners see `_banner` */
  update(panel, banners) {
    if (panel !== undefined) this._showPanel(panel);
    const build = () => banners.map((content) => this._banner(content));
    this.replace("banners", banners.map(lasting), build);
    banners.forEach(({ text }, k) => {
      const place = this.banners.children[k].querySelector(".vp-quiet");
      if (place.textContent !== text) place.textContent = text ?? "";
    });
  }

  /** Buttons stay while figures beside them change, or nobody could press them. */
  _showPanel(panel) {
    this.replace("panel", panel && lasting(panel), () => this._panel(panel));
    if (!panel) return;
    const place = this.panel.querySelector("p");
    if (place.textContent !== panel.text) place.textContent = panel.text;
    const fill = this.panel.querySelector(".vp-progress-fill");
    if (fill) fill.style.width = `${Math.round(panel.share * 100)}%`;
  }

  _panel(content) {
    const parts = super._panel(content);
    const { list = [], actions = [] } = content;
    if (list.length) parts.push(make("ul", {}, ...list.map((text) => make("li", { text }))));
    if (actions.length) parts.push(this._actions(actions));
    return parts;
  }

  _banner({ kind, title, text, code, actions = [] }) {
    return make(
      "div",
      { class: "vp-banner", attributes: { "data-kind": kind } },
      make("strong", { text: title }),
      make("span", { class: "vp-quiet vp-num", text }),
      code ? make("code", { text: code }) : null,
      this._actions(actions),
    );
  }

  _actions(actions) {
    const buttons = actions.map(([words, name, argument]) =>
      this.button(words, () => this.act(name, argument)),
    );
    return make("span", { class: "sg-actions" }, ...buttons);
  }
}

/** What of a notice does not change from moment to moment. */
function lasting({ text, share, ...content }) {
  return { ...content, hasShare: share !== undefined };
}

const FAILED = [
  "Is it a scan in one of the formats that are read?",
  "Does it open in another program?",
];

/** What stands in the place of the picture; null while there is one. */
export function panelOf({ loading, details, mayEdit, context, numFound, fault }) {
  if (context === "lost") {
    return {
      title: "The graphics driver took the picture away.",
      text: "It comes back by itself; nothing is lost.",
    };
  }
  const { phase, message } = loading;
  if (phase === "gone") {
    return {
      title: "This segmentation is not there",
      text: "It was deleted, or this address was never one.",
      actions: [["All segmentations", "leave"]],
    };
  }
  if (phase === "error") return { title: "It cannot be shown", text: message, retry: true };
  if (phase === "scene") {
    const { received, total } = loading;
    const text = total ? `${bytes(received)} of ${bytes(total)}` : "Asking for its points.";
    return { title: "Loading the points", text, share: total ? received / total : 0 };
  }
  if (!details) return { title: "Opening", text: "Asking the studio where it stands." };
  if (phase === "ready") {
    if (fault) return { title: "This layer cannot be shown", text: fault, retry: true };
    return numFound === 0 && !isAlive(details.status) ? nothingFound(mayEdit) : null;
  }
  return statePanel(details, mayEdit);
}

function statePanel({ status, progress, name }, mayEdit) {
  if (status === "asking") {
    const question = questionOf(progress.ask);
    return {
      title: question?.title ?? "The reader has a question",
      text: progress.detail,
      actions: mayEdit ? (question?.answers ?? []).map(([words, to]) => [words, "retry", to]) : [],
    };
  }
  if (status === "failed") {
    return {
      title: `${name} was not segmented`,
      text: progress.detail || "The job ended without a word.",
      list: progress.detail ? [] : FAILED,
      actions: mayEdit ? [["Try again", "retry", {}], ["Another scan", "leave"]] : [],
    };
  }
  if (status === "stopped") {
    return {
      title: "Stopped",
      text: "It was stopped before there was a result.",
      actions: mayEdit ? [["Start again", "retry", {}], ["Another scan", "leave"]] : [],
    };
  }
  return { ...phaseOf({ ...progress, status }), actions: mayEdit ? [["Cancel", "cancel"]] : [] };
}

function nothingFound(mayEdit) {
  return {
    title: "No objects found",
    text:
      "Nothing in this scan stands apart from floor and walls at this size. Group again with a " +
      "smaller radius or a smaller least size, keep the planes, or try another network.",
    actions: mayEdit ? [["Group again", "group"]] : [],
  };
}

/** Lines over the picture: what is being made, what failed, what was just done. */
export function bannersOf({ loading, details, mayEdit, said }) {
  const banners = [];
  if (said) banners.push({ ...said, actions: [...(said.actions ?? []), ["Close", "unsay"]] });
  if (!details || loading.phase !== "ready") return banners;
  const { status, progress } = details;
  if (isAlive(status)) {
    const { title, text } = phaseOf({ ...progress, status });
    const actions = mayEdit ? [["Cancel", "cancel"]] : [];
    banners.push({ kind: "info", title, text, actions });
  } else if (status === "failed") {
    const text = progress.detail;
    const actions = mayEdit ? [["Try again", "retry", {}]] : [];
    banners.push({ kind: "danger", title: "A layer could not be made.", text, actions });
  }
  return banners;
}
