/**
 * The states that are not a picture: loading, waiting, ended, cut off, failed. Each says what
 * happened, where things stand, and what to do now.
 */

import { make } from "./dom.mjs";
import { bytes, duration, grouped } from "./format.mjs";
import { nameOf } from "../choose/visibility.mjs";

/** A panel over the picture, and banners above it; which there are is up to the page. */
export class NoticePanel {
  /** @param {{onRetry: Function}} ask */
  constructor(ask) {
    this.ask = ask;
    this.panel = make("div", { class: "vp-panel", attributes: { role: "status" } });
    this.panel.hidden = true;
    this.banners = make("div", { class: "vp-banners", attributes: { role: "status" } });
    this.keys = { panel: "", banners: "" };
  }

  /** Show a panel of {title, text, share, retry}, or none. */
  show(content) {
    this.replace("panel", content, () => this._panel(content));
  }

  /** A state that nothing on this page can leave. */
  showFault(title, text) {
    this.show({ title, text });
  }

  replace(part, content, build) {
    const key = JSON.stringify(content);
    if (key === this.keys[part]) return;
    this.keys[part] = key;
    this[part].hidden = !content || content.length === 0;
    this[part].replaceChildren(...(content ? build() : []));
  }

  button(text, onClick) {
    return make("button", {
      class: "vp-button",
      text,
      attributes: { type: "button" },
      on: { click: onClick },
    });
  }

  _panel({ title, text, share, retry }) {
    const parts = [make("div", { class: "vp-panel-title", text: title }), make("p", { text })];
    if (share !== undefined) {
      const fill = make("div", { class: "vp-progress-fill" });
      fill.style.width = `${Math.round(share * 100)}%`;
      parts.splice(1, 0, make("div", { class: "vp-progress" }, fill));
    }
    if (retry) parts.push(this.button("Try again", () => this.ask.onRetry()));
    return parts;
  }
}

/** The notices of a run. */
export class Notices extends NoticePanel {
  constructor(ask) {
    super(ask);
    this.dismissed = new Set();
  }

  /** Show the panel that `session` calls for, and the banners; `context` = "ok" or "lost". */
  update(session, context) {
    this.show(panelOf(session));
    const banners = bannersOf(session, context).filter(({ id }) => !this.dismissed.has(id));
    this.replace("banners", banners, () => banners.map((content) => this._banner(content)));
  }

  _banner({ id, kind, title, text, retry, lasting }) {
    const parts = [
      make("strong", { text: title }),
      make("span", { class: "vp-quiet vp-num", text }),
    ];
    if (retry) parts.push(this.button("Try now", () => this.ask.onRetry()));
    if (!lasting) {
      const close = this.button("×", () => {
        this.dismissed.add(id);
        close.parentElement.remove();
      });
      close.setAttribute("aria-label", "Dismiss");
      close.classList.add("vp-close");
      parts.push(close);
    }
    return make("div", { class: "vp-banner", attributes: { "data-kind": kind } }, ...parts);
  }
}

function panelOf({ loading, run, sceneId, state }) {
  if (loading.phase === "run")
    return { title: `Opening ${run}`, text: "Asking the server for the run." };
  if (loading.phase === "waiting") {
    return {
      title: "No scene yet",
      text: `The run writes its scenes when it starts; it is ${state?.status ?? "starting"}.`,
    };
  }
  if (loading.phase === "scene") {
    const { received, total } = loading;
    const text = total
      ? `${bytes(received)} of ${bytes(total)}`
      : "Asking the server for its points.";
    return { title: `Loading ${sceneId}`, text, share: total ? received / total : 0 };
  }
  if (loading.phase === "error")
    return { title: `${run} cannot be shown`, text: loading.message, retry: true };
  return null;
}

function bannersOf(session, context) {
  const { loading, link, player, state, isLive } = session;
  const banners = [];
  if (context === "lost") {
    banners.push({
      id: "context",
      kind: "warning",
      title: "The graphics driver took the picture away.",
      text: "It comes back by itself; nothing is lost.",
      lasting: true,
    });
  }
  if (link.status === "lost") {
    const left = Math.max(Math.ceil((link.retryAt - performance.now()) / 1000), 0);
    const next = left ? `Trying again in ${left} s.` : "Trying again now.";
    const text = `${link.reason || "Training is not affected."} ${next}`;
    banners.push({
      id: "link",
      kind: "warning",
      title: link.isGone ? "The run is gone." : "Connection to the studio lost.",
      text: link.isGone ? `Its folder was deleted, moved or damaged: ${text}` : text,
      retry: true,
      lasting: true,
    });
  }
  if (loading.phase === "ready" && isLive && player.latest === null) {
    const text = `Step ${grouped(state.step)} of ${grouped(state.total_steps)}.`;
    banners.push({
      id: "first",
      kind: "info",
      title: "The first frame comes after the first steps.",
      text,
      lasting: true,
    });
  }
  const ended = endOf(session);
  if (ended) banners.push(ended);
  return banners;
}

/** How a run ended, for those who were watching; the cards beside tell it with what to do now. */
function endOf({ state, wasLive }) {
  const titles = {
    finished: "The run has finished.",
    stopped: "The run was stopped.",
    failed: "The run failed.",
    lost: "The run was cut off.",
  };
  if (!wasLive || !state || !(state.status in titles)) return null;
  const kind = state.status === "finished" || state.status === "stopped" ? "info" : "danger";
  const text = `Last step ${grouped(state.step ?? 0)} of ${grouped(state.total_steps ?? 0)}.`;
  return { id: `end-${state.status}-${state.step}`, kind, title: titles[state.status], text };
}

/** The text twin of the picture, for those who do not see it. */
export function summaryOf({ scene, player, state, shown, isLive }, { selection, isolated }) {
  if (!scene) return "";
  const parts = [`Scene ${scene.id}, ${grouped(scene.numPoints)} points`];
  if (shown)
    parts.push(
      `step ${player.shown} of ${state.total_steps}, ${shown.frame.numInstances} pseudo-instances`,
    );
  else parts.push("no frame yet");
  if (selection)
    parts.push(`${grouped(selection.numPoints)} points selected from ${selection.label}`);
  if (isolated) parts.push(`${nameOf(isolated)} alone`);
  if (isLive && state.eta_s) parts.push(`run ends in about ${duration(state.eta_s)}`);
  return `${parts.join(", ")}.`;
}
