/** The server's side of segmentations: questions, changes, uploads that tell how far they are. */

import { Api, ApiError } from "../viewport/page/api.mjs";

const ROOT = "/api/segmentations";

export function list(signal) {
  return requested("GET", ROOT, undefined, signal);
}

export function fromScene(body) {
  return requested("POST", ROOT, body);
}

export function remove(id) {
  return requested("DELETE", addressOf(id));
}

/**
 * Send a file; `onProgress(sent, total)` is called on the way.
 * @returns {{done: Promise<{id: string}>, cancel: () => void}}
 */
export function upload(file, options, onProgress) {
  const query = new URLSearchParams({ name: file.name });
  for (const [key, value] of Object.entries(options)) if (value) query.set(key, value);
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("POST", `${ROOT}/uploads?${query}`);
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
    request.onload = () => {
      const { status, response } = request;
      if (status === 201 && response?.id) resolve(response);
      else reject(new ApiError(response?.error ?? `The studio answered ${status}.`, status));
    };
    request.onerror = () =>
      reject(new ApiError("The connection broke off before the file was there. Try again.", 0));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.send(file);
  });
  return { done, cancel: () => request.abort() };
}

/** One segmentation. */
export class SegmentationApi extends Api {
  constructor(id) {
    super("");
    this.id = id;
    this.root = addressOf(id);
  }

  details(signal) {
    return requested("GET", this.root, undefined, signal);
  }

  points(version, { signal, onProgress }) {
    const url = `${this.root}/scene?v=${encodeURIComponent(version)}`;
    return this._bytes(url, signal, onProgress);
  }

  layer(layer, version, signal) {
    const url = `${this.root}/layers/${encodeURIComponent(layer)}/frame`;
    return this._bytes(`${url}?v=${encodeURIComponent(version)}`, signal);
  }

  addLayer(method, settings, checkpoint) {
    return requested("POST", `${this.root}/layers`, {
      method,
      settings,
      ...(checkpoint && { checkpoint }),
    });
  }

  retry(answers) {
    return requested("POST", `${this.root}/retry`, answers);
  }

  cancel() {
    return requested("POST", `${this.root}/cancel`, {});
  }

  saveEdits(edits) {
    return requested("PUT", `${this.root}/edits`, edits);
  }

  dropEdits() {
    return requested("DELETE", `${this.root}/edits`);
  }

  polyscope(layer) {
    return requested("POST", `${this.root}/polyscope`, { layer });
  }

  downloadAddress(layer, format) {
    return `${this.root}/layers/${encodeURIComponent(layer)}/download/${format}`;
  }
}

function addressOf(id) {
  return `${ROOT}/${encodeURIComponent(id)}`;
}

async function requested(method, url, body, signal) {
  const options = { method, signal, credentials: "same-origin" };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The studio does not answer. Start it again and open its new link.", 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new ApiError(answer.error ?? `The studio answered ${response.status}.`, response.status);
}
