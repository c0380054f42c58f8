/** Questions and commands to the studio's server, as JSON. */

import { ApiError } from "../viewport/page/api.mjs";

export function ask(url, signal) {
  return answerOf(fetch(url, { signal, credentials: "same-origin" }));
}

export function send(url, body, signal) {
  const headers = { "Content-Type": "application/json" };
  const options = { method: "POST", headers, body: JSON.stringify(body), signal };
  return answerOf(fetch(url, { ...options, credentials: "same-origin" }));
}

async function answerOf(request) {
  let response;
  try {
    response = await request;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The studio does not answer. Training goes on without it.", 0);
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new ApiError(body.error ?? `The studio answered ${response.status}.`, response.status);
}

/** Calls `look` again and again, `look` says in how many ms; not while the page is hidden. */
export function repeatedly(look) {
  let timer = null;
  let isOver = false;
  let turn = 0;
  const go = async () => {
    clearTimeout(timer);
    turn += 1;
    const mine = turn;
    const wait = document.hidden ? 1000 : await look();
    if (!isOver && mine === turn) timer = setTimeout(go, wait); // the last look goes on
  };
  go();
  return {
    now: go,
    end() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
