// Why a movie is shown, in words.

import { make } from "./dom.js";

const listed = (names) => names.join(", ");

/** Of a recommendation: the liked movie that speaks for it, or else its source's words. */
export function reason({ because, source }, { shown, shown_at_first }, isFirstVisit) {
  const words = make("p", { class: "reason", "data-source": source });
  if (!because) words.append(isFirstVisit ? shown_at_first : shown);
  else words.append("because you liked ", make("em", {}, because.title), because.shared.length ? `: ${listed(because.shared)}` : "");
  return words;
}

/** Of a movie like another one: what both have, as far as it can be seen; null where nothing can. */
export function inCommon({ title, shared }, other) {
  const named = shared.length && isSeries(title, other.title) ? ["the series", ...shared] : shared;
  return named.length ? make("p", { class: "reason" }, `in common: ${listed(named)}`) : null;
}

/**
 * Do both titles begin as those of one series do: "Toy Story" and "Toy Story 2", "Alien" and "Alien: Resurrection"? Two
 * movies of one title are a remake or chance.
 */
function isSeries(one, other) {
  const [first, second] = [one, other].map((title) => title.toLowerCase().replace(/^(the|an?) /, ""));
  return first !== second && begin(first) === begin(second);
}

/** What stands before a subtitle and the number of a part. 1 and V are left alone: "Apollo 13", "Henry V". */
const begin = (title) => title.split(/: | - /)[0].replace(/,?( part)? ([2-9]|i{1,3}|iv|vi{1,3}|ix)$/, "");
