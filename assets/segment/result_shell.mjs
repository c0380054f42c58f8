/**
 * The page of one segmentation: its points, the objects of a layer, another layer beside it, and
 * changes by hand.
 */

import { Marks } from "../viewport/choose/marks.mjs";
import { pointsPerCell } from "../viewport/choose/selection.mjs";
import { AddressBar } from "../viewport/page/address_bar.mjs";
import { make, throttled } from "../viewport/page/dom.mjs";
import { Stage } from "../viewport/page/stage.mjs";
import { makeTools } from "../viewport/page/toolbar.mjs";
import { ask } from "../steering/requests.mjs";
import { actionsOf, commandsOf, escape } from "./actions.mjs";
import { readView, writeView } from "./address.mjs";
import { Editing } from "./editing.mjs";
import { weightsOf } from "./instances.mjs";
import { LayersShown } from "./layers_shown.mjs";
import { ResultLegend } from "./legend.mjs";
import { ResultNotices, bannersOf, panelOf } from "./notices.mjs";
import { Overlay } from "./overlay.mjs";
import { Pointing } from "./pointing.mjs";
import { SegmentationSession } from "./session.mjs";
import { Side } from "./side.mjs";
import { COLOURINGS, ResultToolbar, colouringsOf } from "./toolbar.mjs";
import { TopBar } from "./top_bar.mjs";

const ADDRESS_EVERY_MS = 400; // browsers allow some hundred changes of an address in 30 s
const INDOOR_M = 40; // longest side of a scan that is looked into from above

export class ResultShell extends Stage {
  constructor(root) {
    super(root);
    this.id = root.dataset.segmentation;
    this.asked = readView(location.hash, Object.keys(COLOURINGS));
    this.wantedColouring = this.asked.look.colouring ?? null;
    this.wantedWalls = this.asked.look.walls ?? null;
    this.votes = this.asked.look.votes ?? "target"; // where points go, if a layer has votes
    this.mayEdit = false;
    this.tool = "orbit";
    this.session = new SegmentationSession(this.id, {
      onDetails: () => this._details(),
      onScene: (scene) => this._scene(scene),
      onChange: () => this.refresh(),
    });
    this.editing = new Editing(this.session.api, {
      onChange: () => this.relabelled(),
      onSaved: (layer, isChangedSince) => this.layers.saved(layer, isChangedSince),
      onState: () => this.refresh(),
    });
    this.layers = new LayersShown(this, this.asked);
    this.pointing = new Pointing(this);
    this._build();
    this.addressBar = new AddressBar();
    this.remember = throttled(ADDRESS_EVERY_MS, () => this._remember());
    this._askRights();
    this.leaving = new AbortController();
    const keep = (event) => this.editing.isPending && event.preventDefault();
    addEventListener("beforeunload", keep, { signal: this.leaving.signal });
    if (!this.open()) return;
    this.listen([root, this.side.root ?? root]);
    this.pointing.attach();
  }

  _build() {
    const { layers, editing } = this;
    this.toolbar = new ResultToolbar({
      onLook: (values) => this.look(values),
      onCollapse: (t) => this.collapse(t),
    });
    this.legend = new ResultLegend();
    this.notices = new ResultNotices({ onAct: (name, argument) => this.act(name, argument) });
    this.overlay = new Overlay();
    this.marks = new Marks();
    this.tools = makeTools((tool) => this.setTool(tool));
    this.top = new TopBar({
      onPolyscope: () => this.act("polyscope"),
      addressOf: (format) => this.session.api.downloadAddress(layers.name, format),
    });
    this.side = new Side({
      onShow: (layer) => layers.show(layer),
      onBeside: (layer) => layers.showBeside(layer),
      onMethod: (method) => layers.add(method, {}, "", true).catch((error) => this.fault(error)),
      onGroup: (method, settings, network) => layers.add(method, settings, network, false),
      onLeast: (values) => {
        Object.assign(layers.least, values);
        this.relabelled();
      },
      onCommand: (name) => (this.commands()[name] ?? (() => this.act(name)))(),
      onChoose: (id, isAdded) => editing.choose(id, isAdded),
      onHover: (id) => this.pointing.hover(id, 0, false),
      onRename: (id, text) => this.rename(id, text),
    });
    const left = make("div", { class: "vp-left" }, this.tools.element);
    const over = [this.marks.element, ...this.overlay.elements, left];
    this.build({ label: "3D view of the segmentation", page: "segment", over });
  }

  get hasFrame() {
    return this.layers.shown.length > 0;
  }

  get mayChange() {
    return this.mayEdit && this.layers.main !== null && this.layers.mayChange;
  }

  dispose() {
    this.isGone = true;
    this.editing.dispose();
    this.session.close();
    this.leaving.abort();
    this.pointing.dispose();
    this.top.dispose();
    this.side.dispose();
    super.dispose();
  }

  /** For tests. */
  state() {
    const { session, view, editing, layers } = this;
    return {
      id: this.id,
      phase: this.root.dataset.phase,
      status: session.details?.status ?? null,
      layer: layers.name,
      beside: layers.beside?.frame ? layers.beside.layer : null,
      objects: layers.shown.length,
      all: layers.rows.length,
      chosen: [...editing.chosen],
      outlined: editing.region?.reduce((sum, value) => sum + value, 0) ?? 0,
      saved: editing.saved,
      t: view.look.t,
      votes: view.look.votes,
      colouring: view.renderer.effectiveColouring(),
      panes: view.panes.length,
      placeOf: (id) => this.pointing.placeOf(id),
      pixelHash: () => view.pixelHash(),
    };
  }

  // -- what the server says -------------------------------------------------------------------

  async _askRights() {
    const { rights } = await ask("/api/session").catch(() => ({}));
    this.mayEdit = rights === "control";
    this.refresh();
  }

  _details() {
    const { loading, scene } = this.session;
    if (scene && loading.phase === "ready") this.layers.follow();
    this.refresh();
  }

  _scene(scene) {
    this.layers.clear();
    const { points } = this.session.details;
    this.weight = weightsOf(pointsPerCell(scene), scene.numPoints, points);
    if (this.view) this._show(scene);
    this.layers.follow();
  }

  _show(scene) {
    this.view.setLayout(1);
    const longest = Math.max(...scene.core.high.map((value, k) => value - scene.core.low[k]));
    this.showScene(scene, {
      isIndoor: longest < INDOOR_M,
      isPossible: (colouring) => colouring in colouringsOf(scene),
      first: "instance",
    });
    const { camera, size } = this.asked.look;
    if (size) this.look({ size });
    if (camera) {
      this.view.isHome = false;
      this.view.setCamera({ ...this.view.camera, ...camera });
    }
  }

  /** The first layer is in the picture. */
  firstShown() {
    if (this.view) this.look({ votes: this.votes, t: this.asked.look.t ?? 0 });
  }

  /** Labels, rows, thresholds or the choice have changed. */
  relabelled() {
    if (this.layers.main) this.layers.count();
    this.pointing.flag();
    this.refresh();
  }

  /** Layers without votes go to their centroids. */
  applyLook(values) {
    this.votes = values.votes ?? this.votes;
    super.applyLook(values);
    this.view.panes.forEach((pane, k) => {
      const votes = this.layers.hasVotes(k) ? this.votes : "target";
      if (pane.look.votes !== votes) pane.setLook({ votes });
    });
  }

  // -- what one does --------------------------------------------------------------------------

  commands() {
    const own = super.commands();
    return { ...own, ...commandsOf(this), leave: () => escape(this) || own.leave() };
  }

  /** Do what a notice or a link beside the list offers. */
  async act(name, argument) {
    try {
      await actionsOf(this)[name](argument);
    } catch (error) {
      this.fault(error);
    }
  }

  rename(id, text) {
    if (this.mayChange) this.editing.rename(id, text);
  }

  say(content) {
    this.said = content;
    this.refresh();
  }

  fault(error) {
    this.say({ kind: "danger", title: "That did not work.", text: error.message });
  }

  setTool(tool) {
    this.tool = tool;
    this.tools.set(tool);
    this.stage.dataset.tool = tool;
  }

  // -- the page -------------------------------------------------------------------------------

  refresh() {
    const { session, view, layers, mayEdit, context, said } = this;
    if (!this.stage || this.isGone) return;
    const { details, scene, loading } = session;
    const { main, shown, rows } = layers;
    const numFound = main ? rows.length : null;
    const fault = layers.fault;
    const panel = panelOf({ loading, details, mayEdit, context, numFound, fault });
    const isUnable = this.root.dataset.phase === "unable"; // which the panel says already
    const banners = bannersOf({ loading, details, mayEdit, said });
    this.notices.update(isUnable ? undefined : panel, banners);
    this.top.update({ details, layer: layers.name, shown: shown.length, mayEdit });
    this._refreshSide();
    if (!view) return;
    this.root.dataset.phase = loading.phase === "ready" ? "ready" : "waiting";
    const canCollapse = shown.length > 0;
    const hasVotes = layers.hasVotes(0);
    const look = { ...view.look, votes: this.votes };
    this.toolbar.update({ scene, look, canCollapse, hasVotes });
    this.tools.set(this.tool, !main);
    const names = layers.names();
    this.legend.update({
      title: names[0]?.title ?? details?.name ?? "",
      scene,
      points: details?.points ?? scene?.numPoints ?? 0,
      drawn: view.drawn,
      look,
      colouring: view.renderer.effectiveColouring(),
      shown: shown.length,
      all: rows.length,
    });
    this._summarise(names);
    this.moved();
  }

  _refreshSide() {
    const { session, editing, layers, mayEdit, mayChange } = this;
    const { details } = session;
    const beside = layers.beside?.layer ?? layers.wantedBeside;
    const isEdited = layers.name === "edited";
    const hasEdits = Boolean(details?.edits);
    this.side.update({ details, layer: layers.name, beside, mayEdit }, layers, {
      mayChange,
      mayEdit,
      editing,
      hasEdits,
      isEdited,
    });
    this.pointing.mark();
  }

  moved() {
    const { view, layers } = this;
    if (!view || !layers.main) return;
    const names = view.panes.length > 1 ? layers.names() : [];
    const boxes = names.map((_, pane) => view.panes[pane].rect);
    this.overlay.name(names, boxes);
    this.remember();
  }

  /** The text twin of the picture. */
  _summarise([own, other]) {
    const words = [this.session.details?.name];
    if (own) words.push(`${own.title}: ${own.text}`);
    if (other) words.push(`beside it ${other.title}: ${other.text}`);
    const text = own ? `${words.join(", ")}.` : "";
    if (text !== this.summary.textContent) this.summary.textContent = text;
  }

  _remember() {
    const { layers, view } = this;
    if (this.isGone || !layers.main) return;
    const { look, camera, isHome } = view;
    this.addressBar.show(
      writeView({
        look: { ...look, votes: this.votes, camera: isHome ? null : camera },
        layer: layers.name,
        beside: layers.beside?.layer ?? null,
        least: layers.least,
      }),
    );
  }

  pictureName() {
    return `${this.session.details?.name ?? this.id}.png`;
  }

  pictureTexts() {
    return { Software: "PointINS Studio", Scene: this.id, View: location.hash };
  }
}
