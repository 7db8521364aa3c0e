// The page: what somebody rates goes to /recommend, what comes back is shown. State is `memory` and `filters`.

import * as address from "./address.js";
import * as api from "./api.js";
import { announce, byId, focusOn, plural, reconcile, show } from "./dom.js";
import { chooseFilters, filters, listenToFilters, offerFilters } from "./filters.js";
import { drawFirstVisit, listenToFirstVisit } from "./first_visit.js";
import { watch } from "./impressions.js";
import { Memory } from "./memory.js";
import { showModelCard } from "./model_card.js";
import * as movies from "./movies.js";
import { drawRated, listenToRated, removeButton } from "./rated.js";
import { closeSearch, listenToSearch } from "./search.js";
import { drawSimilar, showSimilar } from "./similar.js";
import { listenToUndo, offerUndo } from "./undo.js";
import { drawWatchlist, leaveWatchlist, listenToWatchlist, toggleWatched } from "./watchlist.js";

const STEP = 12; // recommendations shown at first, and added by "Show more"
const MOST = 100; // the API's limit

const memory = new Memory();
const visitor = `page-${Math.random().toString(36).slice(2, 12)}`; // of this visit, nothing personal
const movieId = (movie) => movie.movie_id;

let wanted = STEP;
let card = null; // GET /model
let shown = new Map(); // movie_id -> { answer_id, place } in the answer that shows it
let news = ""; // what changed since the last answer, to be said with the next
const linked = address.read();
let retry; // timer of the next attempt after a failure

// ---- recommendations --------------------------------------------------------------------------------------

const latestRecommendation = api.latestOnly();
const refreshSoon = api.debounced(refresh);

function request() {
  const { genres, years, languages } = filters();
  return {
    history: memory.rated.map(({ movie_id, rating, timestamp }) => ({ movie_id, rating, timestamp })),
    exclude: memory.dismissed.map(movieId),
    k: wanted,
    explain: true,
    visitor_id: visitor,
    ...(linked.seed !== null && { explore_seed: linked.seed }),
    ...(genres.length && { genres }),
    ...(languages.length && { languages }),
    ...(Object.keys(years).length && { years }),
  };
}

/** Ask again, and keep what is shown until the answer is there. */
async function refresh() {
  clearTimeout(retry);
  const list = byId("recommendations");
  list.setAttribute("aria-busy", "true");
  const slow = setTimeout(() => show(byId("progress"), true), 250);
  try {
    if (!card) await learnModel().catch(ignoreRefusal);
    const start = performance.now();
    const answer = await latestRecommendation((signal) => api.recommend(request(), signal));
    showRecommendations(answer, performance.now() - start);
    settle();
  } catch (error) {
    if (error.name === "AbortError") return; // a newer question is on its way, and ends what this one began
    showProblem(error);
    settle();
  } finally {
    clearTimeout(slow);
  }

  function settle() {
    list.removeAttribute("aria-busy");
    show(byId("progress"), false);
  }
}

function showRecommendations({ recommendations, unknown_movie_ids, model, request_id, milliseconds }, roundTrip) {
  shown = new Map(request_id ? recommendations.map(({ movie_id }, row) => [movie_id, { answer_id: request_id, place: row + 1 }]) : []);
  show(byId("problem"), false);
  byId("recommendations").classList.remove("stale");
  reconcile(byId("recommendations"), recommendations, movieId, (movie) => movies.recommendation(movie, page));
  if (request_id) watch(byId("recommendations").children, page.seen);
  show(byId("nothing"), recommendations.length === 0);
  show(byId("more"), recommendations.length === wanted && wanted < MOST);
  const unknown = memory.rated.filter((movie) => unknown_movie_ids.includes(movie.movie_id)).length;
  byId("unknown").textContent = `${unknown} of your ratings left out: this model does not know the movie.`;
  show(byId("unknown"), unknown > 0);
  byId("spent").textContent =
    `${milliseconds.toFixed(1)} ms in the service · ${roundTrip.toFixed(0)} ms round trip · model ${model.slice(0, 8)}`;
  const first = recommendations[0];
  const list = first ? `${plural(recommendations.length, "recommendation")}, first ${first.title}` : "No movie passes these filters";
  announce(news ? `${news}. ${list}` : list);
  news = "";
}

function showProblem({ message, retrySeconds = 0 }) {
  const problem = byId("problem");
  problem.querySelector("p").textContent = message + (retrySeconds ? ` Asking again in ${retrySeconds} s.` : "");
  show(problem, true);
  byId("recommendations").classList.add("stale");
  if (retrySeconds) retry = setTimeout(refresh, retrySeconds * 1000);
}

// ---- what can be done with a movie ------------------------------------------------------------------------

const tell = (event) => api.feedback({ ...event, visitor_id: visitor, ...shown.get(event.movie_id) });

const page = {
  ratingOf: memory.ratingOf,
  isDismissed: (id) => memory.has("dismissed", id),
  isWatched: (id) => memory.has("watchlist", id),
  isFirstVisit: () => memory.rated.length === 0,
  wordsFor(source) {
    const plain = source.replaceAll("_", " "); // of a service whose card did not come
    const unknown = { shown: plain, shown_at_first: plain, found_by: plain };
    return card?.sources.find(({ name }) => name === source) ?? unknown;
  },
  rate(movie, rating) {
    memory.rate(movie, rating);
    tell({ movie_id: movie.movie_id, event: "rated", rating });
    changed(`${movie.title}: ${plural(rating, "star")}`);
    if (!memory.visiting && page.isWatched(movie.movie_id)) {
      leaveWatchlist(memory, movie, `${movie.title} is rated, and off your watchlist`, drawMemory);
    }
  },
  toggleWatched: (movie) => toggleWatched(memory, movie, drawMemory),
  rateFound(movie, rating) {
    const byKey = byId("found").contains(document.activeElement);
    closeSearch();
    if (byKey) byId("title").focus();
    page.rate(movie, rating);
  },
  forget(movie) {
    forget([movie], `Rating of ${movie.title} removed`, () => removeButton(movie));
    if (memory.rated.length === 0) byId("title").focus();
  },
  dismiss(movie) {
    memory.dismiss(movie);
    tell({ movie_id: movie.movie_id, event: "dismissed" });
    offerUndo(`${movie.title} will not be shown again.`, () => {
      page.restore(movie);
      focusOn(movie);
    });
    changed(`${movie.title} will not be shown again`);
  },
  restore(movie) {
    memory.restore(movie.movie_id);
    changed(`${movie.title} may be shown again`);
  },
  seen: ({ dataset }) => tell({ movie_id: Number(dataset.key), event: "shown" }),
  clicked: (movie) => tell({ movie_id: movie.movie_id, event: "clicked" }),
  async showSimilar(movie) {
    page.clicked(movie);
    byId("watchlist").close();
    await showSimilar(movie, page, request());
  },
};

function changed(what) {
  news = what;
  linked.ratings = null; // what somebody does here is newer
  drawMemory();
  keepInAddress();
  refreshSoon(60);
}

const keepInAddress = () => address.write({ ...memory, ...filters(), seed: linked.seed });

/** The address' ratings count, not those kept in this browser, unless they are of another data set. */
async function visitLinked() {
  const ratings = linked.source === memory.source ? linked.ratings : null;
  linked.ratings = null;
  if (ratings && !address.areOf(ratings, memory.rated)) memory.visit(await Promise.all(ratings.map(withTitle)));
}

function endVisit(end, what) {
  end();
  changed(what);
  announce(what);
  byId("rated-title").focus();
}

async function withTitle({ movie_id, rating }) {
  const known = memory.rated.find((movie) => movie.movie_id === movie_id);
  const nameless = { title: `Movie ${movie_id}`, genres: [] };
  const { title, year, genres } = known ?? (await api.details(movie_id).catch(() => nameless));
  return { movie_id, title, year, genres, rating };
}

function drawMemory() {
  drawRated(memory, page);
  drawFirstVisit(card?.first_titles ?? [], memory, page);
  drawWatchlist(memory, page);
  drawSimilar(page);
  for (const list of ["found", "recommendations"]) {
    for (const line of byId(list).children) line.update();
  }
  drawHeading();
}

function drawHeading() {
  const rated = memory.rated.length;
  byId("programme").textContent = rated ? "Tonight, for you" : "Now showing";
  byId("subtitle").textContent = rated ? `From ${plural(rated, "rating")} of ${memory.visiting ? "the link" : "yours"}` : "Popular and varied";
}

/** Forget some ratings; undone, they are back where they were, and `focus` says which control has the focus then. */
function forget(some, what, focus) {
  const forgotten = memory.takeOff("rated", some.map(movieId));
  changed(what);
  offerUndo(`${what}.`, () => {
    memory.putBack("rated", forgotten);
    changed(`${plural(some.length, "rating")} back`);
    focus().focus();
  });
}

// ---- the model card --------------------------------------------------------------------------------------

/** What the service is: which data set, which genres and languages. The page does without where it must. */
async function learnModel() {
  card = await api.modelCard();
  memory.turnTo(card.data.source);
  await visitLinked();
  drawMemory();
  offerFilters(card);
  keepInAddress();
  byId("simulated").textContent =
    "Real movies, simulated people: this shows how the service works, not how good it is on real ratings.";
  show(byId("simulated"), card.data.simulated);
}

function ignoreRefusal(error) {
  if (!(error instanceof api.Refusal)) throw error;
}

// ---- start ------------------------------------------------------------------------------------------------

function listen() {
  const on = (id, event, listener) => byId(id).addEventListener(event, listener);
  on("clear", "click", () => {
    forget(memory.rated, "All ratings removed", () => byId("clear"));
    byId("title").focus();
  });
  on("end-visit", "click", () => endVisit(() => memory.endVisit(), "Your own ratings are back"));
  on("keep-visit", "click", () => endVisit(() => memory.keepVisit(), "These are your ratings now"));
  byId("nothing").querySelector("button").addEventListener("click", () => byId("filter-form").reset());
  byId("problem").querySelector("button").addEventListener("click", refresh);
  on("more", "click", () => {
    wanted = Math.min(MOST, wanted + STEP);
    refresh();
  });
  on("open-card", "click", () => showModelCard(byId("card")));
  on("open-watchlist", "click", () => byId("watchlist").showModal());
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  }
  addEventListener("storage", () => {
    if (memory.visiting) return; // what is shown is a link's
    memory.load(memory.source); // rated in another tab
    drawMemory();
    keepInAddress();
    refreshSoon(0);
  });
  addEventListener("hashchange", () => location.reload()); // another link
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is not to change
    byId("programme").focus();
  });
  addEventListener("online", refresh);
}

listen();
listenToSearch(page);
listenToUndo();
listenToRated(drawMemory);
listenToFirstVisit(drawMemory);
listenToWatchlist(memory);
listenToFilters((milliseconds) => {
  wanted = STEP;
  keepInAddress();
  refreshSoon(milliseconds);
});
chooseFilters(linked);
drawMemory();
refresh();
