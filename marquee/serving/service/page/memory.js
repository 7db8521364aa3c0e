// What somebody rated, does not want to see and wants to see one day, kept in this browser. Movie ids mean something only
// within one data set, so there is one memory for each.

const KEY = "marquee";
const LONGEST = 2000; // of what is kept and sent: the newest
export const LARGEST_ID = 2 ** 31 - 1; // as the API has it
const LATEST = 4102444800; // 2100, as the API has it

const isWhole = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;
const isText = (value) => typeof value === "string";
const isYear = (value) => value === undefined || value === null || isWhole(value, 0, 9999);
const isMovie = (movie) =>
  isWhole(movie?.movie_id, 0, LARGEST_ID) && isText(movie.title) && isYear(movie.year) &&
  Array.isArray(movie.genres) && movie.genres.every(isText);
const isRating = (value) => typeof value === "number" && isWhole(value * 2, 1, 10);
const isRated = (movie) => isMovie(movie) && isRating(movie.rating) && isWhole(movie.timestamp, 0, LATEST);

/** Those that are what they should be, each movie once. */
function sound(rows, is) {
  const known = new Set();
  const isNew = ({ movie_id }) => !known.has(movie_id) && known.add(movie_id);
  return (Array.isArray(rows) ? rows : []).filter((row) => is(row) && isNew(row)).slice(0, LONGEST);
}

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {}; // storage forbidden, or not ours: start empty
  }
}

export class Memory {
  constructor() {
    const { last } = read();
    this.load(typeof last === "string" ? last : "");
  }

  /** Newest first, each with its rating and the second it was rated in. */
  rated = [];
  /** Newest first. */
  dismissed = [];
  /** Newest first: to be seen one day. */
  watchlist = [];
  /** Whether `rated` are somebody else's, of a link: they are not kept. */
  visiting = false;

  load(source) {
    this.visiting = false;
    const kept = read().of?.[source];
    this.source = source;
    this.rated = sound(kept?.rated, isRated);
    this.dismissed = sound(kept?.dismissed, isMovie);
    this.watchlist = sound(kept?.watchlist, isMovie);
    // What is out of range would be refused with every request: it is dropped for good, the rest is kept.
    const { rated, dismissed, watchlist } = this;
    if (kept && JSON.stringify(kept) !== JSON.stringify({ rated, dismissed, watchlist })) this.save();
  }

  /** Turn to the memory of this data set; what was rated before anybody knew which it is comes along. */
  turnTo(source) {
    if (source === this.source) return;
    if (this.source === "") this.source = source;
    else this.load(source);
    this.save();
  }

  ratingOf = (movieId) => this.rated.find((movie) => movie.movie_id === movieId)?.rating ?? 0;

  rate({ movie_id, title, year, genres }, rating) {
    const timestamp = Math.floor(Date.now() / 1000);
    const known = this.rated.find((movie) => movie.movie_id === movie_id);
    if (known) Object.assign(known, { rating, timestamp });
    else this.rated = [{ movie_id, title, year, genres, rating, timestamp }, ...this.rated].slice(0, LONGEST);
    this.restore(movie_id);
  }

  /** Is the movie on this list, "rated", "dismissed" or "watchlist"? */
  has = (list, movieId) => this[list].some((movie) => movie.movie_id === movieId);

  /** Take these movies off a list. Returns what `putBack` needs. */
  takeOff(list, movieIds) {
    const rows = this[list];
    const gone = new Set(movieIds);
    const places = rows.map((movie, place) => ({ movie, older: rows.length - 1 - place }));
    this[list] = rows.filter(({ movie_id }) => !gone.has(movie_id));
    this.save();
    return places.filter(({ movie }) => gone.has(movie.movie_id));
  }

  /** Put movies back on the list where they were, but for those that are on it again. */
  putBack(list, taken) {
    const rows = this[list];
    for (const { movie, older } of taken.toReversed()) {
      if (!this.has(list, movie.movie_id)) rows.splice(Math.max(0, rows.length - older), 0, movie);
    }
    this.save();
  }

  watch({ movie_id, title, year, genres }) {
    this.watchlist = [{ movie_id, title, year, genres }, ...this.watchlist].slice(0, LONGEST);
    this.save();
  }

  /** Rate as somebody else did, `ratings` with titles, the newest first. One's own stay kept until `keepVisit`. */
  visit(ratings) {
    const now = Math.floor(Date.now() / 1000);
    const before = this.rated;
    this.visiting = before.length > 0;
    this.rated = ratings.map((movie, place) => {
      const known = before.find(({ movie_id }) => movie_id === movie.movie_id);
      return known?.rating === movie.rating ? known : { timestamp: now - place, ...movie };
    });
  }

  /** From now on these are one's own ratings. */
  keepVisit() {
    this.visiting = false;
    this.save();
  }

  /** Back to one's own. */
  endVisit() {
    const { dismissed, watchlist } = this;
    this.load(this.source);
    Object.assign(this, { dismissed, watchlist });
  }

  dismiss({ movie_id, title, year, genres }) {
    this.dismissed = [{ movie_id, title, year, genres }, ...this.dismissed].slice(0, LONGEST);
    this.save();
  }

  restore(movieId) {
    this.dismissed = this.dismissed.filter((movie) => movie.movie_id !== movieId);
    this.save();
  }

  save() {
    const { rated, dismissed, watchlist } = this;
    try {
      const kept = read();
      const own = this.visiting ? sound(kept.of?.[this.source]?.rated, isRated) : rated;
      const of = { ...kept.of, [this.source]: { rated: own, dismissed, watchlist } };
      localStorage.setItem(KEY, JSON.stringify({ last: this.source, of }));
    } catch {
      // Storage is full or forbidden: the page works, and forgets when it is closed.
    }
  }
}
