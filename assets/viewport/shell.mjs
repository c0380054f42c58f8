/**
 * The page of a run: toolbar, picture, legend, notices and timeline around one session. Everything
 * on screen follows from `refresh`.
 */

import { SHORTCUTS } from "./keys.mjs";
import { Legend } from "./legend.mjs";
import { throttled } from "./dom.mjs";
import { Notices, summaryOf } from "./notices.mjs";
import { PageState } from "./page_state.mjs";
import { Session } from "./session.mjs";
import { Stage } from "./stage.mjs";
import { Timeline } from "./timeline.mjs";
import { Toolbar } from "./toolbar.mjs";
import { inputKind } from "./records.mjs";

const SUMMARY_EVERY_MS = 5000;
const CLOCK_MS = 1000;

export class Shell extends Stage {
  constructor(root, timelineRoot) {
    super(root);
    this.run = root.dataset.run;
    this.toolbar = new Toolbar({
      onScene: (id) => this.session.openScene(id),
      onLook: (values) => this.look(values),
      onCollapse: (t) => this.collapse(t),
    });
    this.legend = new Legend();
    this.notices = new Notices({ onRetry: () => this._retry() });
    this.build({ label: `3D view of run ${this.run}`, shortcuts: SHORTCUTS });
    if (!this.open()) return;
    this.timeline = new Timeline(timelineRoot, (action) => this.session.steer(action));
    this.page = new PageState(this.run);
    this.summarise = throttled(
      SUMMARY_EVERY_MS,
      () => (this.summary.textContent = summaryOf(this.session)),
    );
    this.listen([root, timelineRoot]);
    this.session = new Session(this.run, {
      onScene: (scene) => this._scene(scene),
      onFrame: (frame, slots) => {
        this.view.setFrame(frame, slots);
        this.page.cursor(this.session);
      },
      onChange: () => this.refresh(),
      onScalars: () => this.page.notice(this.session),
    });
    this.clock = setInterval(() => this.refresh(), CLOCK_MS);
  }

  get hasFrame() {
    return this.session.shown !== null;
  }

  dispose() {
    clearInterval(this.clock);
    this.session?.close();
    this.timeline?.element.remove();
    super.dispose();
  }

  /** For the page's other scripts and for tests. */
  state() {
    const { session, view } = this;
    if (!session) return null;
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
      hasFrame: this.hasFrame,
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

  pictureName() {
    const { sceneId, player } = this.session;
    return `${this.run}-${sceneId}-step${player.shown ?? 0}.png`;
  }

  commands() {
    const steer = (action) => this.session.steer(action);
    return {
      ...super.commands(),
      play: () => steer((player) => player.toggle(performance.now())),
      move: (by) => steer((player) => player.move(by)),
      home: () => steer((player) => player.home()),
      follow: () => steer((player) => player.follow()),
      votes: (votes) => this.hasFrame && this.look({ votes }),
    };
  }

  _scene(scene) {
    const has = { input: inputKind(scene), truth: scene.instance };
    this.showScene(scene, {
      isIndoor: this.session.info.config?.scene?.domain === "indoor",
      isPossible: (colouring) => has[colouring] !== null,
    });
  }

  _retry() {
    if (this.session.loading.phase === "error") this.session.start();
    this.session.live?.retry();
  }
}
