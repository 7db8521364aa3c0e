// Well-known movies to begin with: what somebody thinks of them tells most of their taste.

import { byId, reconcile, show } from "./dom.js";
import { firstMovie } from "./movies.js";

const SHOWN = 6;
const ENOUGH = 3; // ratings: from then on the recommendations are better to go on with

let first = 0; // of those that are shown

/** `titles` as the service gives them, the most telling first; what is rated or dismissed makes room for the next one. */
export function drawFirstVisit(titles, { rated, visiting }, page) {
  const left = titles.filter(({ movie_id }) => !page.ratingOf(movie_id) && !page.isDismissed(movie_id));
  if (first >= left.length) first = 0;
  const within = byId("first-visit").contains(document.activeElement);
  const asked = !visiting && rated.length < ENOUGH && left.length > 0;
  show(byId("first-visit"), asked);
  show(byId("other-titles"), left.length > SHOWN);
  const offered = asked ? left.slice(first, first + SHOWN) : [];
  reconcile(byId("first-titles"), offered, ({ movie_id }) => movie_id, (movie) => firstMovie(movie, page));
  if (within && !asked) byId("rated-title").focus();
}

export function listenToFirstVisit(draw) {
  byId("other-titles").addEventListener("click", () => {
    first += SHOWN;
    draw();
  });
}
