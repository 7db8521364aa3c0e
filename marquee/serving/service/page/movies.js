// How a movie looks in each list. Every element has an `update(row)`, for `reconcile`.

import { details } from "./api.js";
import { definitions, make, show } from "./dom.js";
import { poster } from "./poster.js";
import { inCommon, reason } from "./reasons.js";
import { stars } from "./stars.js";

export function languageName(code) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code);
  } catch {
    return code; // not a language code
  }
}

const year = (movie) => (movie.year ? make("span", { class: "year" }, ` ${movie.year}`) : null);
const genres = (movie) => make("p", { class: "genres" }, movie.genres.join(" · ") || "no genre known");
const heading = (movie) => make("h3", {}, movie.title, year(movie));

function button(text, label, onclick) {
  return make("button", { type: "button", class: "plain", "aria-label": label, onclick }, text);
}

const similarButton = (movie, page) =>
  button("Similar", `Movies similar to ${movie.title}`, () => page.showSimilar(movie));
const dismissButton = (movie, page) =>
  button("Not interested", `Not interested in ${movie.title}`, () => page.dismiss(movie));

/** On the watchlist or not, to be pressed. */
function watchButton(movie, page) {
  const element = button("Watchlist", `${movie.title} on your watchlist`, () => page.toggleWatched(movie));
  element.classList.add("watch");
  element.update = () => element.setAttribute("aria-pressed", String(page.isWatched(movie.movie_id)));
  return element;
}

/** Who made it, and how it got its place: a button and the panel that it opens; asked for when it is opened. */
function disclosure(movie, current, page) {
  const panel = make("div", { class: "more", hidden: true });
  const toggle = button("Details", `Details of ${movie.title}`, open);
  let facts = [];
  const draw = () => panel.replaceChildren(definitions([...facts, ...explanation(current(), page)]));
  toggle.setAttribute("aria-expanded", "false");

  async function open() {
    toggle.setAttribute("aria-expanded", String(show(panel, panel.hidden)));
    draw();
    if (panel.hidden || facts.length) return;
    page.clicked(movie);
    try {
      facts = people(await details(movie.movie_id));
    } catch (error) {
      facts = [["Details", error.message]];
    }
    draw();
  }
  return { toggle, panel, draw: () => panel.hidden || draw() };
}

const people = ({ language, directors, cast, ratings }) => [
  ["Directed by", directors.join(", ")],
  ["With", cast.join(", ")],
  ["Language", language && languageName(language)],
  ["Learned from", ratings ? `${ratings.toLocaleString("en")} ratings` : "no rating: added later, placed by what it is about"],
];

function explanation({ source, score, explanation }, page) {
  const rows = [["Found by", page.wordsFor(source).found_by]];
  if (explanation) {
    const { rank_by_retrieval, rank_by_rating, retrieval_score } = explanation;
    rows.push(["Place here", `${rank_by_retrieval} by retrieval, ${rank_by_rating} by predicted rating`]);
    rows.push(["Score", `${score.toFixed(3)}, of retrieval ${retrieval_score.toFixed(3)}`]);
  }
  return rows;
}

function card(movie, text, actions, ...panels) {
  const parts = [make("div", { class: "card-text" }, ...text), make("div", { class: "actions" }, ...actions)];
  return make("li", { class: "card" }, poster(movie), ...parts, ...panels);
}

/**
 * A recommendation. `page`: what can be done with it (rate, toggleWatched, dismiss, showSimilar, clicked), and what it is
 * shown with (ratingOf, isWatched, wordsFor, isFirstVisit).
 */
export function recommendation(movie, page) {
  let current = movie;
  const why = make("div");
  const control = stars(movie.title, (rating) => page.rate(movie, rating));
  const guess = make("span", { class: "guess", "aria-hidden": "true" });
  const { toggle, panel, draw } = disclosure(movie, () => current, page);
  const watch = watchButton(movie, page);
  const actions = [
    watch,
    similarButton(movie, page),
    dismissButton(movie, page),
    toggle,
  ];
  const text = [heading(movie), genres(movie), why, make("div", { class: "rating" }, control, guess)];
  const element = card(movie, text, actions, panel);
  element.update = (row = current) => {
    current = row;
    control.update(page.ratingOf(row.movie_id), row.predicted_rating);
    guess.textContent = `${row.predicted_rating.toFixed(1)} predicted`;
    why.replaceChildren(reason(row, page.wordsFor(row.source), page.isFirstVisit()));
    watch.update();
    draw();
  };
  return element;
}

/** A movie like another one. */
export function similarMovie(movie, other, page) {
  const control = stars(movie.title, (rating) => page.rate(movie, rating));
  const predicted = movie.predicted_rating ?? null;
  const guess = predicted && make("span", { class: "guess", "aria-hidden": "true" }, `${predicted.toFixed(1)} predicted`);
  const text = [heading(movie), genres(movie), inCommon(movie, other), make("div", { class: "rating" }, control, guess)];
  const watch = watchButton(movie, page);
  const element = card(movie, text, [watch, similarButton(movie, page), dismissButton(movie, page)]);
  element.update = () => {
    control.update(page.ratingOf(movie.movie_id), predicted ?? 0);
    watch.update();
  };
  return element;
}

/** A movie of the watchlist. */
export function watchedMovie(movie, page) {
  const control = stars(movie.title, (rating) => page.rate(movie, rating));
  const actions = [
    button("Remove", `Remove ${movie.title} from your watchlist`, () => page.toggleWatched(movie)),
    similarButton(movie, page),
  ];
  const element = card(movie, [heading(movie), genres(movie), make("div", { class: "rating" }, control)], actions);
  element.update = () => control.update(page.ratingOf(movie.movie_id), 0);
  return element;
}

/** A line of what is offered to be rated first. */
export function firstMovie(movie, page) {
  const control = stars(movie.title, (rating) => page.rate(movie, rating));
  const element = make("li", {}, poster(movie), make("div", { class: "name" }, make("strong", {}, movie.title, year(movie))), control);
  element.update = () => control.update(page.ratingOf(movie.movie_id), 0);
  return element;
}

/** A line of the search's answer. */
export function foundMovie(movie, page) {
  const control = stars(movie.title, (rating) => page.rateFound(movie, rating));
  const name = make("div", { class: "name" }, make("strong", {}, movie.title, year(movie)), genres(movie));
  const element = make("li", {}, poster(movie), name, control);
  element.update = () => control.update(page.ratingOf(movie.movie_id), 0);
  return element;
}

/** A line of what somebody rated. */
export function ratedMovie(movie, page) {
  const control = stars(movie.title, (rating) => page.rate(movie, rating));
  const name = make("div", { class: "name" }, make("strong", {}, movie.title, year(movie)));
  const remove = make("button", {
    type: "button",
    class: "remove",
    "aria-label": `Remove your rating of ${movie.title}`,
    onclick: () => page.forget(movie),
  });
  const element = make("li", {}, poster(movie), name, control, remove);
  element.update = (row) => control.update(row.rating, 0);
  return element;
}

/** A line of what somebody does not want to see. */
export function dismissedMovie(movie, page) {
  const restore = button("Show again", `Show ${movie.title} again`, () => page.restore(movie));
  const element = make("li", {}, make("span", {}, movie.title, year(movie)), restore);
  element.update = () => {};
  return element;
}
