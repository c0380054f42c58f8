/** The server's answers. Caching is the browser's: arrays are immutable under their version. */

/** An answer that is not a success; `status` 0 means that no answer came. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Answers by address that were asked for before somebody wanted them; each is handed out once. */
const AHEAD = new Map();
const AHEAD_MS = 10_000;

function takenAhead(url) {
  const answer = AHEAD.get(url);
  AHEAD.delete(url);
  return answer;
}

export class Api {
  constructor(run, fetcher = (...args) => fetch(...args)) {
    this.root = `/api/runs/${encodeURIComponent(run)}`;
    this.fetcher = fetcher;
  }

  run(signal) {
    return this._json(this.root, signal);
  }

  head(signal) {
    return this._json(`${this.root}/head`, signal);
  }

  frames(scene, signal) {
    return this._json(`${this._scene(scene)}/frames`, signal);
  }

  /** Bytes of a scene; `onProgress(received, total)` is called while they come. */
  scene(scene, version, { signal, onProgress }) {
    return this._bytes(this._sceneAt(scene, version), signal, onProgress);
  }

  frame(scene, step, version, signal) {
    return this._bytes(this._frameAt(scene, step, version), signal);
  }

  /** Statistics of a frame. */
  stats(scene, step, signal) {
    return this._json(`${this._scene(scene)}/stats/${step}`, signal);
  }

  _sceneAt(scene, version) {
    return `${this._scene(scene)}?v=${encodeURIComponent(version)}`;
  }

  _frameAt(scene, step, version) {
    return `${this._scene(scene)}/frames/${step}?v=${encodeURIComponent(version)}`;
  }

  _scene(scene) {
    return `${this.root}/scenes/${encodeURIComponent(scene)}`;
  }

  /**
   * Ask for what a run's page draws first while the page itself is still being made.
   * @param {{scene?: string, step?: number}} asked of the address
   */
  async askAhead(asked) {
    const { version, scene, step } = await this._json(
      `/api/first-picture?run=${this.root.split("/").at(-1)}`,
    );
    if (!scene || (asked.scene ?? scene) !== scene) return;
    setTimeout(() => AHEAD.clear(), AHEAD_MS); // nobody came for the rest: a later answer is newer
    const keep = (url, answer) => AHEAD.set(url, answer.catch(() => null));
    keep(this.root, this._json(this.root));
    keep(`${this._scene(scene)}/frames`, this.frames(scene));
    const bytes = (url) => keep(url, this._bytes(url));
    bytes(this._sceneAt(scene, version));
    if (step !== null && asked.step === undefined) bytes(this._frameAt(scene, step, version));
  }

  async _json(url, signal) {
    return (await takenAhead(url)) ?? (await this._get(url, signal)).json();
  }

  async _bytes(url, signal, onProgress) {
    const early = await takenAhead(url);
    if (early) return early;
    const response = await this._get(url, signal);
    const total = Number(response.headers.get("Content-Length")) || 0;
    if (!onProgress || !total || !response.body) return response.arrayBuffer();
    const parts = [];
    let received = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      received += part.value.byteLength;
      onProgress(received, total);
    }
    return new Blob(parts).arrayBuffer();
  }

  async _get(url, signal) {
    let response;
    try {
      response = await this.fetcher(url, { signal, credentials: "same-origin" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError("The studio's server does not answer.", 0);
    }
    if (response.ok) return response;
    const body = await response.json().catch(() => ({}));
    throw new ApiError(body.error ?? `The server answered ${response.status}.`, response.status);
  }
}

/** A scene of a collection. */
export class SceneApi extends Api {
  constructor(collection, scene, fetcher) {
    super("", fetcher);
    const parts = [collection, scene].map(encodeURIComponent);
    this.root = `/api/collections/${parts[0]}/scenes/${parts[1]}`;
  }

  facts(signal) {
    return this._json(`${this.root}/facts`, signal);
  }

  arrays(key, { signal, onProgress }) {
    return this._bytes(`${this.root}/arrays?v=${encodeURIComponent(key)}`, signal, onProgress);
  }

  truth(key, signal) {
    return this._bytes(`${this.root}/truth?v=${encodeURIComponent(key)}`, signal);
  }
}

export function isAbort(error) {
  return error?.name === "AbortError";
}
