// What is shown, as the page's address: ratings, filters and seed, to be kept or passed on; nothing else of a visitor.
// #of=sample&r=12:9,7:3&genres=Horror&first=1970&last=1989&language=ja&seed=7: movie 12 with 9 half stars, and so on.

import { LARGEST_ID } from "./memory.js";

const MOST = 100; // ratings in an address: the newest

/** What the address says. What is malformed is left out; `ratings` are null where there are none, `seed` likewise. */
export function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const names = (key) => (given.get(key) ?? "").split(",").filter(Boolean);
  const ratings = new Map(names("r").flatMap(rating));
  const seed = given.get("seed");
  return {
    source: given.get("of"),
    ratings: ratings.size ? [...ratings].map(([movie_id, rating]) => ({ movie_id, rating })) : null,
    genres: names("genres"),
    languages: names("language").slice(0, 1),
    years: { first: given.get("first") ?? "", last: given.get("last") ?? "" },
    seed: /^\d+$/.test(seed) && Number.isSafeInteger(Number(seed)) ? Number(seed) : null,
  };
}

function rating(pair) {
  const [, id, halves] = /^(\d+):([1-9]|10)$/.exec(pair) ?? [];
  return id && Number(id) <= LARGEST_ID ? [[Number(id), Number(halves) / 2]] : [];
}

/** Put it into the address, in place of what was there. */
export function write({ source, rated, genres, languages, years, seed }) {
  const list = (names) => names.map(encodeURIComponent).join(",");
  const parts = {
    of: rated.length ? encodeURIComponent(source) : "",
    r: inShort(rated),
    genres: list(genres),
    first: years.first ?? "",
    last: years.last ?? "",
    language: list(languages),
    seed: seed ?? "",
  };
  const hash = Object.entries(parts).flatMap(([key, value]) => (value === "" ? [] : [`${key}=${value}`])).join("&");
  if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
}

/** Are these the ratings that the address of those would have? */
export const areOf = (ratings, rated) => inShort(ratings) === inShort(rated);

const inShort = (rated) => rated.slice(0, MOST).map(({ movie_id, rating }) => `${movie_id}:${rating * 2}`).join(",");
