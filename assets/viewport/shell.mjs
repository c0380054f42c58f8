/**
 * Puts the parts of the viewport together in the page: toolbar, picture, legend, notices, timeline,
 * keys. One session, one view; everything on screen follows from `refresh`.
 */

import { makeHelp } from "./help.mjs";
import { WALLS } from "./cutaway.mjs";
import { Gizmo } from "./gizmo.mjs";
import { commandOf, isTakenBy } from "./keys.mjs";
import { Legend } from "./legend.mjs";
import { make, prefersStill, throttled } from "./dom.mjs";
import { Notices, summaryOf } from "./notices.mjs";
import { PageState } from "./page_state.mjs";
import { NoWebGL2Error } from "./renderer.mjs";
import { inputKind } from "./records.mjs";
import { Session } from "./session.mjs";
import { watchTheme } from "./theme.mjs";
import { Timeline } from "./timeline.mjs";
import { Toolbar, makeActions } from "./toolbar.mjs";
import { View } from "./view.mjs";

const SUMMARY_EVERY_MS = 5000;
const CLOCK_MS = 1000;
const COLLAPSE_MS = 200;
const SIZE_STEP = 0.25; // of a doubling of the points' size, a click
const MOST_SIZE = 1.5; // doublings, either way

export class Shell {
  constructor(root, timelineRoot) {
    this.root = root;
    this.run = root.dataset.run;
    this.context = "ok";
    this.wantedWalls = null; // where somebody has chosen; else by the kind of scene
    this.wantedColouring = null; // kept over scenes that do not have it
    this._build(root);
    try {
      this.view = new View({
        onDrawn: (what) => this._drawn(what),
        onContext: (isLost) => this._context(isLost),
      });
    } catch (error) {
      if (!(error instanceof NoWebGL2Error)) throw error;
      root.dataset.phase = "unable";
      this.notices.showFault(
        "No 3D picture here",
        `${error.message} Switch on hardware acceleration, or use a current Firefox, Chrome, ` +
          "Edge or Safari. The curves beside this work without it.",
      );
      return;
    }
    this.stage.prepend(this.view.canvas);
    this.timeline = new Timeline(timelineRoot, (action) => this.session.steer(action));
    this.timelineRoot = timelineRoot;
    this.page = new PageState(this.run);
    this.summarise = throttled(
      SUMMARY_EVERY_MS,
      () => (this.summary.textContent = summaryOf(this.session)),
    );
    this.unwatchTheme = watchTheme(root, (colors) => {
      this.colors = colors;
      this._look({});
    });
    this._keys();
    this.session = new Session(this.run, {
      onScene: (scene) => this._scene(scene),
      onFrame: (frame, slots) => this._frame(frame, slots),
      onChange: () => this.refresh(),
      onScalars: () => this.page.notice(this.session),
    });
    this.clock = setInterval(() => this.refresh(), CLOCK_MS);
  }

  dispose() {
    clearInterval(this.clock);
    this.listeners?.abort();
    this.unwatchTheme?.();
    this.session?.close();
    this.view?.dispose();
    this.root.replaceChildren();
    this.timeline?.element.remove();
  }

  /** For the page's other scripts and for tests. */
  state() {
    const { session, view } = this;
    const { player } = session;
    const { t, votes, walls } = view.look;
    return {
      run: this.run,
      scene: session.sceneId,
      step: player.shown,
      latest: player.latest,
      frames: player.steps.length,
      following: player.following,
      t,
      votes,
      walls,
      colouring: view.renderer.effectiveColouring(),
      drawn: view.drawn,
      total: session.scene?.numPoints ?? 0,
      pixelHash: () => view.pixelHash(),
    };
  }

  refresh() {
    const { session, view } = this;
    if (!session) return; // its first words come before it is handed over
    const { look } = view;
    this.root.dataset.phase = session.loading.phase;
    this.toolbar.update({
      scenes: session.scenes,
      sceneId: session.sceneId,
      scene: session.scene,
      look,
      hasFrame: session.shown !== null,
    });
    this.legend.update({
      session,
      look,
      drawn: view.drawn,
      colouring: view.renderer.effectiveColouring(),
    });
    this.notices.update(session, this.context);
    this.timeline.update(session);
    this.summarise();
    const status = session.state && `${session.state.status} ${session.state.step}`;
    if (status !== this.lastStatus) {
      this.lastStatus = status;
      this.page.notice(this.session);
    }
  }

  // -- parts ----------------------------------------------------------------------------------

  _build(root) {
    this.toolbar = new Toolbar({
      onScene: (id) => this.session.openScene(id),
      onLook: (values) => this._look(values),
      onCollapse: (t) => this._collapse(t),
    });
    this.actions = makeActions({
      onSize: (by) => this._size(by),
      onReset: () => this.view.resetCamera(),
      onScreenshot: () => this._screenshot(),
      onFull: () => this._full(),
      onHelp: () => this._help(),
    });
    this.legend = new Legend();
    this.notices = new Notices({ onRetry: () => this._retry() });
    this.gizmo = new Gizmo((preset) => this.view.resetCamera(true, preset));
    this.help = makeHelp(() => this._help(false));
    this.summary = make("div", { class: "vp-hidden", attributes: { "aria-live": "polite" } });
    this.stage = make(
      "div",
      {
        class: "vp-stage",
        label: `3D view of run ${this.run}`,
        attributes: { tabindex: 0, role: "application" },
      },
      this.legend.element,
      this.actions,
      this.gizmo.element,
      this.notices.banners,
      this.notices.panel,
      this.help,
    );
    root.replaceChildren(this.toolbar.element, this.stage, this.summary);
    root.classList.add("viewport");
  }

  _look(values) {
    const { background, unassigned, target: targetColor } = this.colors;
    const votes = values.votes ?? this.view.look.votes;
    if (values.colouring) this.wantedColouring = values.colouring;
    if (values.walls) this.wantedWalls = values.walls;
    const voteColor = this.colors[votes];
    const trails = !prefersStill();
    this.view.setLook({ background, unassigned, targetColor, voteColor, trails, ...values });
    this.refresh();
  }

  _scene(scene) {
    const wanted = this.wantedColouring ?? (inputKind(scene) ? "input" : "height");
    const isPossible = { input: inputKind(scene), truth: scene.instance }[wanted] !== null;
    const isIndoor = this.session.info.config?.scene?.domain === "indoor";
    this.view.setLook({ walls: this.wantedWalls ?? (isIndoor ? "cut" : "all") });
    this.view.setScene(scene);
    this._look({ colouring: isPossible ? wanted : "height" });
  }

  _frame(frame, slots) {
    this.view.setFrame(frame, slots);
    this.page.cursor(this.session);
  }

  _drawn({ countChanged }) {
    this.gizmo.update(this.view.camera);
    if (countChanged) this.refresh();
  }

  _context(isLost) {
    this.context = isLost ? "lost" : "ok";
    this.refresh();
  }

  _collapse(to) {
    const from = this.view.look.t;
    if (prefersStill()) {
      this._look({ t: to });
      return;
    }
    const start = performance.now();
    const advance = (now) => {
      const share = Math.min(Math.max((now - start) / COLLAPSE_MS, 0), 1);
      this._look({ t: from + (to - from) * share * share * (3 - 2 * share) });
      if (share < 1 && !this.view.isDisposed) requestAnimationFrame(advance);
    };
    requestAnimationFrame(advance);
  }

  _size(by) {
    const power = Math.round(Math.log2(this.view.look.size) / SIZE_STEP + by) * SIZE_STEP;
    this._look({ size: 2 ** Math.min(Math.max(power, -MOST_SIZE), MOST_SIZE) });
  }

  async _screenshot() {
    const blob = await this.view.toBlob();
    const { sceneId, player } = this.session;
    const link = make("a", {
      attributes: {
        href: URL.createObjectURL(blob),
        download: `${this.run}-${sceneId}-step${player.shown ?? 0}.png`,
      },
    });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  _full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.();
  }

  _help(open = this.help.hidden) {
    this.help.hidden = !open;
    (open ? this.help.querySelector("button") : this.stage).focus();
  }

  _retry() {
    if (this.session.loading.phase === "error") this.session.start();
    this.session.live?.retry();
  }

  // -- keys -----------------------------------------------------------------------------------

  _keys() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    for (const place of [this.root, this.timelineRoot]) {
      place.addEventListener("keydown", (event) => this._key(event), { signal });
    }
    this.root.addEventListener("keyup", ({ key }) => this.view.controls.keyUp(key.toLowerCase()), {
      signal,
    });
    this.root.addEventListener("focusout", () => this.view.controls.release(), { signal });
  }

  _key(event) {
    if (isTakenBy(event.target, event.key)) return;
    const command = commandOf(event);
    const isFlight =
      event.target === this.stage && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (command) this._do(...command);
    else if (!isFlight || !this.view.controls.keyDown(event.key.toLowerCase())) return;
    event.preventDefault();
  }

  _do(name, argument) {
    const { look } = this.view;
    const steer = (action) => this.session.steer(action);
    const hasFrame = this.session.shown !== null;
    const commands = {
      play: () => steer((player) => player.toggle(performance.now())),
      move: () => steer((player) => player.move(argument)),
      home: () => steer((player) => player.home()),
      follow: () => steer((player) => player.follow()),
      collapse: () => hasFrame && this._collapse(look.t < 0.5 ? 1 : 0),
      votes: () => hasFrame && this._look({ votes: argument }),
      walls: () => this._look({ walls: WALLS[(WALLS.indexOf(look.walls) + 1) % WALLS.length] }),
      centroids: () => this._look({ centroids: !look.centroids }),
      size: () => this._size(argument),
      reset: () => this.view.resetCamera(),
      full: () => this._full(),
      help: () => this._help(),
      leave: () => (this.help.hidden ? document.activeElement.blur() : this._help(false)),
    };
    commands[name]();
  }
}
