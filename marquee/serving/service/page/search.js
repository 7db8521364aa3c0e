// Search by title, as it is typed, and a way through what was found by arrow keys.

import * as api from "./api.js";
import { announce, byId, plural, reconcile, show } from "./dom.js";
import { foundMovie } from "./movies.js";

const latestSearch = api.latestOnly();

export function listenToSearch(page) {
  const searchSoon = api.debounced(() => search(page));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    searchSoon(0);
  });
  byId("title").addEventListener("input", () => searchSoon(byId("title").value ? 180 : 0));
  // Before the stars see the key: up and down walk, left and right count.
  for (const id of ["search", "found"]) byId(id).addEventListener("keydown", walk, { capture: true });
}

async function search(page) {
  const title = byId("title").value.trim();
  if (!title) return closeSearch();
  const status = byId("search-status");
  try {
    const { movies: found } = await latestSearch((signal) => api.search(title, signal));
    if (byId("title").value.trim() !== title) return; // cleared or changed meanwhile
    show(byId("found"), found.length > 0);
    reconcile(byId("found"), found, (movie) => movie.movie_id, (movie) => foundMovie(movie, page));
    status.textContent = found.length ? "" : `No movie is called anything like “${title}”.`;
    announce(found.length ? `${plural(found.length, "movie")} found` : status.textContent);
  } catch (error) {
    if (error.name !== "AbortError") status.textContent = error.message;
  }
}

export function closeSearch() {
  byId("title").value = "";
  byId("search-status").textContent = "";
  byId("found").replaceChildren();
  show(byId("found"), false);
}

/** Arrow down goes from the field into what was found and through it, arrow up back; escape closes. */
function walk(event) {
  const stops = [byId("title"), ...byId("found").querySelectorAll("input")];
  const place = stops.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape" && !byId("found").hidden) {
    closeSearch();
    byId("title").focus();
  } else if (step && stops[place + step]) {
    stops[place + step].focus();
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}
