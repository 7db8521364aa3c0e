// Movies like one, in a dialog over the page.

import * as api from "./api.js";
import { byId, reconcile, show } from "./dom.js";
import { similarMovie } from "./movies.js";

const SHOWN = 12;
const latestSimilar = api.latestOnly();
let other = null; // the movie whose like are shown
let answered = []; // its like

/**
 * Show movies like one in the dialog. The last argument is the request for recommendations: its
 * history and filters count here too.
 */
export async function showSimilar(movie, page, { history, exclude, genres, years, languages }) {
  const [dialog, problem, list] = [byId("similar"), byId("similar-problem"), byId("similar-list")];
  byId("similar-title").textContent = `Similar to ${movie.title}`;
  show(problem, false);
  if (!dialog.open) {
    answered = [];
    list.replaceChildren();
    dialog.showModal();
  }
  byId("similar-title").focus();
  try {
    const body = { movie_id: movie.movie_id, k: SHOWN, exclude, genres, years, languages };
    const similar = await latestSimilar((signal) => withPredictions(body, history, signal));
    [other, answered] = [movie, similar];
    list.replaceChildren();
    drawSimilar(page);
    if (similar.length === 0) throw new Error("No movie like it passes the filters.");
    dialog.scrollTop = 0;
  } catch (error) {
    if (error.name === "AbortError") return;
    problem.textContent = error.message;
    show(problem, true);
  }
}

/** Those that are not dismissed meanwhile. */
export function drawSimilar(page) {
  const rows = answered.filter(({ movie_id }) => !page.isDismissed(movie_id));
  reconcile(byId("similar-list"), rows, ({ movie_id }) => movie_id, (row) => similarMovie(row, other, page));
  if (answered.length && !rows.length && byId("similar").open) byId("similar-title").focus();
}

/** What is like a movie, each with the stars that somebody of this history would give it, where that is answered. */
async function withPredictions(body, history, signal) {
  const { similar } = await api.similar(body, signal);
  if (similar.length === 0) return similar;
  const asked = { history, movie_ids: similar.map(({ movie_id }) => movie_id) };
  const { predictions } = await api.predictRatings(asked, signal).catch(withoutPredictions);
  const stars = new Map(predictions.map(({ movie_id, predicted_rating }) => [movie_id, predicted_rating]));
  return similar.map((movie) => ({ ...movie, predicted_rating: stars.get(movie.movie_id) ?? null }));
}

function withoutPredictions(error) {
  if (error.name === "AbortError") throw error;
  return { predictions: [] };
}
