// Movies to be seen one day: kept in this browser, shown in a dialog, taken along as a file.

import { announce, byId, focusOn, make, reconcile, show } from "./dom.js";
import { watchedMovie } from "./movies.js";
import { offerUndo } from "./undo.js";

const FILE = "watchlist.csv";
const COLUMNS = ["movie_id", "title", "year", "genres"]; // as in movies.csv of MovieLens, and the year of its own

export function drawWatchlist({ watchlist }, page) {
  const some = watchlist.length > 0;
  byId("open-watchlist").textContent = `Watchlist${some ? ` (${watchlist.length})` : ""}`;
  show(byId("watchlist-empty"), !some);
  show(byId("export"), some);
  reconcile(byId("watchlist-list"), watchlist, ({ movie_id }) => movie_id, (movie) => watchedMovie(movie, page));
}

/** Put a movie on the watchlist, or take it off again. */
export function toggleWatched(memory, movie, draw) {
  if (memory.has("watchlist", movie.movie_id)) {
    leaveWatchlist(memory, movie, `${movie.title} is off your watchlist`, draw);
    return;
  }
  memory.watch(movie);
  draw();
  announce(`${movie.title} is on your watchlist`);
}

/** Take a movie off the watchlist; undone, it is where it was. */
export function leaveWatchlist(memory, movie, what, draw) {
  const taken = memory.takeOff("watchlist", [movie.movie_id]);
  draw();
  announce(what);
  if (byId("watchlist").open && memory.watchlist.length === 0) byId("watchlist-title").focus();
  offerUndo(`${what}.`, () => {
    memory.putBack("watchlist", taken);
    draw();
    announce(`${movie.title} is on your watchlist again`);
    focusOn(movie);
  });
}

export function listenToWatchlist(memory) {
  byId("export").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([inLines(memory.watchlist)], { type: "text/csv;charset=utf-8" }));
    make("a", { href: url, download: FILE }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser reads it after this
  });
}

/** CSV as RFC 4180 has it. */
function inLines(movies) {
  const rows = movies.map(({ movie_id, title, year, genres }) => [movie_id, title, year ?? "", genres.join("|")]);
  return [COLUMNS, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

const field = (value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value));
