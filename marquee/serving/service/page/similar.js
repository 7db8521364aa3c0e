// Movies like one, in a dialog over the page.

import * as api from "./api.js";
import { byId, reconcile, show } from "./dom.js";
import { similarMovie } from "./movies.js";

const SHOWN = 12;
const latestSimilar = api.latestOnly();

/** Show movies like one, but for some ids, in the dialog. */
export async function showSimilar(movie, page, exclude) {
  const [dialog, problem, list] = [byId("similar"), byId("similar-problem"), byId("similar-list")];
  byId("similar-title").textContent = `Similar to ${movie.title}`;
  show(problem, false);
  if (!dialog.open) {
    list.replaceChildren();
    dialog.showModal();
  }
  byId("similar-title").focus();
  try {
    const body = { movie_id: movie.movie_id, k: SHOWN, exclude };
    const { similar } = await latestSimilar((signal) => api.similar(body, signal));
    list.replaceChildren();
    reconcile(list, similar, ({ movie_id }) => movie_id, (row) => similarMovie(row, page));
    dialog.scrollTop = 0;
  } catch (error) {
    if (error.name === "AbortError") return;
    problem.textContent = error.message;
    show(problem, true);
  }
}
