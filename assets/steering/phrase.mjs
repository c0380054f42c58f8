/** Sentences of the trainer with the paper's symbols in place of the fields' dotted names. */

import { make } from "../viewport/page/dom.mjs";
import { WORDS } from "./fields.mjs";

const NAME = /\b[a-z_]+(?:\.[a-z_]+)+\b/g;

/**
 * A text in pieces: strings, and the symbol of each field that is named.
 * @returns {(string | {symbol: string[], name: string})[]}
 */
export function pieces(text) {
  const parts = [];
  let end = 0;
  for (const { 0: name, index } of text.matchAll(NAME)) {
    if (!WORDS[name]) continue;
    if (index > end) parts.push(text.slice(end, index));
    parts.push(WORDS[name].symbol ? { symbol: WORDS[name].symbol, name } : WORDS[name].name);
    end = index + name.length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

/** The pieces as nodes. */
export function phrase(text) {
  return pieces(text).map((piece) =>
    typeof piece === "string" ? document.createTextNode(piece) : symbolOf(piece.symbol, piece.name),
  );
}

/** A symbol of the paper: a letter and its index. */
export function symbolOf([letter, index], title) {
  const lower = index ? make("sub", { text: index }) : null;
  return make("var", { class: "fd-symbol", title }, letter, lower);
}
