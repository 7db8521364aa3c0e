// What somebody rated and does not want to see, kept in this browser. Movie ids mean something only within one data
// set, so there is one memory for each.

const KEY = "marquee";
const LONGEST = 2000; // of what is kept and sent: the newest

const isMovie = (movie) => Number.isInteger(movie?.movie_id) && typeof movie.title === "string" && Array.isArray(movie.genres);
const isRated = (movie) => isMovie(movie) && movie.rating >= 0.5 && movie.rating <= 5 && Number.isInteger(movie.timestamp);

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // storage forbidden, or not ours: start empty
  }
}

export class Memory {
  constructor() {
    this.load(read().last ?? "");
  }

  /** Newest first, each with its rating and the second it was rated in. */
  rated = [];
  /** Newest first. */
  dismissed = [];

  load(source) {
    const kept = read().of?.[source];
    this.source = source;
    this.rated = (Array.isArray(kept?.rated) ? kept.rated : []).filter(isRated);
    this.dismissed = (Array.isArray(kept?.dismissed) ? kept.dismissed : []).filter(isMovie);
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

  /** Forget these ratings. Returns what `putBack` needs. */
  forget(movieIds) {
    const { rated } = this;
    const forgotten = rated.map((movie, place) => ({ movie, older: rated.length - 1 - place })).filter(({ movie }) => movieIds.includes(movie.movie_id));
    this.rated = rated.filter((movie) => !movieIds.includes(movie.movie_id));
    this.save();
    return forgotten;
  }

  /** Put forgotten ratings back where they were, but for movies that were rated again meanwhile. */
  putBack(forgotten) {
    for (const { movie, older } of forgotten.toReversed()) {
      if (!this.ratingOf(movie.movie_id)) this.rated.splice(Math.max(0, this.rated.length - older), 0, movie);
    }
    this.save();
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
    const { rated, dismissed } = this;
    try {
      const kept = read();
      const of = { ...kept.of, [this.source]: { rated, dismissed } };
      localStorage.setItem(KEY, JSON.stringify({ last: this.source, of }));
    } catch {
      // Storage is full or forbidden: the page works, and forgets when it is closed.
    }
  }
}
