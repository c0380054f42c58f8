/** The page of one scene of a collection: its points, and the way from them to true centroids. */

import { readLook, writeLook } from "./address.mjs";
import { AddressBar } from "./address_bar.mjs";
import { throttled } from "./dom.mjs";
import { bytes, grouped } from "./format.mjs";
import { matchSlots } from "../time/identity.mjs";
import { NoticePanel } from "./notices.mjs";
import { inputKind } from "../draw/records.mjs";
import { SceneLegend } from "./scene_legend.mjs";
import { SceneSession } from "./scene_session.mjs";
import { COLOURINGS, SceneToolbar, colouringsOf } from "./scene_toolbar.mjs";
import { Stage } from "./stage.mjs";

const ADDRESS_EVERY_MS = 400; // browsers allow some hundred changes of an address in 30 s

export class SceneShell extends Stage {
  constructor(root) {
    super(root);
    const { collection, scene } = root.dataset;
    this.sceneId = scene;
    this.asked = readLook(location.hash, Object.keys(COLOURINGS));
    this.wantedColouring = this.asked.colouring ?? null;
    this.wantedWalls = this.asked.walls ?? null;
    this.toolbar = new SceneToolbar({
      onLook: (values) => this.look(values),
      onCollapse: (t) => this.collapse(t),
    });
    this.legend = new SceneLegend();
    this.notices = new NoticePanel({ onRetry: () => this.session.start() });
    this.build({ label: `3D view of scene ${scene}`, page: "scene" });
    this.addressBar = new AddressBar();
    this.remember = throttled(ADDRESS_EVERY_MS, () => this._remember());
    if (!this.open()) return;
    this.listen([root]);
    this.session = new SceneSession(collection, scene, {
      onScene: (decoded, facts) => this._scene(decoded, facts),
      onTruth: (frame) => this._truth(frame),
      onChange: () => this.refresh(),
    });
  }

  /** Whether points have anywhere to go. */
  get hasFrame() {
    return Boolean(this.session?.truth?.numInstances);
  }

  dispose() {
    this.isGone = true;
    this.session?.close();
    super.dispose();
  }

  /** For tests. */
  state() {
    const { session, view } = this;
    if (!session) return null;
    const { t, walls } = view.look;
    return {
      scene: this.sceneId,
      phase: session.loading.phase,
      instances: session.truth?.numInstances ?? null,
      t,
      walls,
      colouring: view.renderer.effectiveColouring(),
      drawn: view.drawn,
      total: session.scene?.numPoints ?? 0,
      pixelHash: () => view.pixelHash(),
    };
  }

  refresh() {
    const { session, view } = this;
    if (!session) return;
    const { scene, truth, loading, facts } = session;
    this.root.dataset.phase = loading.phase;
    const colouring = view.renderer.effectiveColouring();
    const { look, drawn } = view;
    this.toolbar.update({ scene, truth, look, canCollapse: this.hasFrame });
    this.legend.update({ id: this.sceneId, session, look, drawn, colouring });
    this.notices.show(panelOf(session, this.context));
    if (loading.phase !== this.lastPhase) {
      this.lastPhase = loading.phase;
      this.summary.textContent = summaryOf(this.sceneId, scene, facts, loading);
    }
    this.moved();
  }

  moved() {
    if (this.session?.loading.phase === "ready") this.remember();
  }

  commands() {
    return {
      ...super.commands(),
      step: (title) => document.querySelector(`.step-link[title="${title}"]`)?.click(),
    };
  }

  pictureName() {
    return `${this.sceneId}.png`;
  }

  pictureTexts() {
    return { Software: "PointINS Studio", Scene: this.sceneId, View: location.hash };
  }

  _scene(scene, facts) {
    this.showScene(scene, {
      isIndoor: facts.domain === "indoor",
      isPossible: (colouring) => colouring in colouringsOf(scene, { hasClasses: true }),
    });
    const { camera, size } = this.asked;
    if (size) this.look({ size });
    if (camera) {
      this.view.isHome = false;
      this.view.setCamera({ ...this.view.camera, ...camera });
    }
    this.look({ votes: "target" });
  }

  _truth(frame) {
    this.view.setFrame(frame, matchSlots(frame.instance, frame.numInstances));
    if (this.asked.t && this.hasFrame) this.look({ t: this.asked.t });
    else this.refresh();
  }

  /** The look goes into the address; what is default stays out of the way of the reader. */
  _remember() {
    if (this.isGone) return;
    const { look, camera, isHome } = this.view;
    this.addressBar.show(writeLook({ ...look, camera: isHome ? null : camera }));
  }
}

function panelOf({ loading, id }, context) {
  if (context === "lost") {
    return {
      title: "The graphics driver took the picture away.",
      text: "It comes back by itself; nothing is lost.",
    };
  }
  const { phase, received, total, passed, message } = loading;
  if (phase === "waiting") {
    const since = passed >= 3 ? ` ${Math.round(passed)} s so far.` : "";
    return { title: `Reading ${id}`, text: `It comes next; large scans take a while.${since}` };
  }
  if (phase === "scene") {
    const text = total
      ? `${bytes(received)} of ${bytes(total)}`
      : "Asking the server for its points.";
    return { title: `Loading ${id}`, text, share: total ? received / total : 0 };
  }
  if (phase === "failed") return { title: `${id} cannot be read`, text: message };
  if (phase === "error") return { title: `${id} cannot be shown`, text: message, retry: true };
  return null;
}

/** The text twin of the picture. */
function summaryOf(id, scene, facts, { phase, message }) {
  if (phase === "failed" || phase === "error") return `Scene ${id}: ${message}`;
  if (!scene) return "";
  const has = facts.num_instances ? `, ${grouped(facts.num_instances)} true instances` : "";
  const input = { color: "coloured", intensity: "with intensity" }[inputKind(scene)] ?? "no colour";
  return `Scene ${id}, ${grouped(facts.points)} points, ${input}${has}.`;
}
