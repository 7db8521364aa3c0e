// What somebody rated and does not want to see, as lists.

import { byId, reconcile, show } from "./dom.js";
import { dismissedMovie, ratedMovie } from "./movies.js";

const SHOWN = 6; // of the ratings, until somebody wants them all
const movieId = (movie) => movie.movie_id;

let all = false;

export function drawRated({ rated, dismissed, visiting }, page) {
  const some = rated.length > 0;
  show(byId("unrated"), !some);
  show(byId("visit"), visiting);
  show(byId("rated"), some);
  show(byId("clear"), some);
  if (!some) show(byId("unknown"), false);
  reconcile(byId("rated"), all ? rated : rated.slice(0, SHOWN), movieId, (movie) => ratedMovie(movie, page));
  byId("rated-title").textContent = `${visiting ? "Ratings of the link" : "Your ratings"}${some ? ` (${rated.length})` : ""}`;
  if (show(byId("more-rated"), rated.length > SHOWN)) {
    byId("more-rated").textContent = all ? "Show fewer" : `Show all ${rated.length}`;
  }
  show(byId("dismissed"), dismissed.length > 0);
  byId("dismissed").firstElementChild.textContent = `Not interested (${dismissed.length})`;
  reconcile(byId("dismissed-list"), dismissed, movieId, (movie) => dismissedMovie(movie, page));
}

/** Of the line of this movie; where it is not shown, what shows it. */
export const removeButton = (movie) => byId("rated").querySelector(`[data-key="${movie.movie_id}"] .remove`) ?? byId("more-rated");

export function listenToRated(draw) {
  byId("more-rated").addEventListener("click", () => {
    all = !all;
    draw();
  });
}
