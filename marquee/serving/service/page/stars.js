// Half stars on a native range: arrow keys, digits, mouse and touch; read out as "3.5 stars".

import { make } from "./dom.js";

const inWords = (value) => (value === 1 ? "1 star" : `${value} stars`);

/**
 * A movie already rated changes at once. One not yet rated shows the prediction, and Enter (or a click) rates it: it
 * leaves the list then, which must not happen while somebody is still counting stars.
 * @param {(rating: number) => void} onRate
 */
export function stars(title, onRate) {
  const input = make("input", { type: "range", step: 0.5, max: 5, "aria-label": `Your rating of ${title}` });
  const element = make("span", { class: "stars" }, input);
  let rating = 0;
  let guess = 0;

  const draw = (value) => {
    const pending = value !== rating;
    input.value = value;
    element.style.setProperty("--filled", value || guess);
    element.dataset.state = pending ? "pending" : rating ? "rated" : "guess";
    const unrated = guess ? `not rated, predicted ${guess.toFixed(1)} stars` : "not rated";
    input.setAttribute("aria-valuetext", value ? inWords(value) + (pending && !rating ? ", Enter rates" : "") : unrated);
  };
  const commit = (value) => {
    if (value > 0 && value !== rating) onRate(value);
  };
  const touch = (value) => (rating ? commit(value) : draw(value));

  input.addEventListener("input", () => touch(Number(input.value)));
  input.addEventListener("blur", () => draw(rating));
  input.addEventListener("keydown", (event) => {
    const value = Number(input.value);
    if (event.key === "Enter" || event.key === " ") commit(value);
    else if (event.key === "Escape" && value !== rating) draw(rating);
    else if (/^[1-5]$/.test(event.key)) touch(Number(event.key));
    else if (event.key.startsWith("Arrow") && value === 0) draw(Math.max(0.5, Math.round((guess || 3) * 2) / 2));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  followPointer(element, { draw, commit, back: () => draw(rating) });

  element.update = (newRating, newGuess) => {
    rating = newRating;
    guess = newGuess;
    input.min = rating ? 0.5 : 0;
    draw(rating);
  };
  return element;
}

/** Stars fill under the pointer; letting go rates; scrolling away does not. */
function followPointer(element, { draw, commit, back }) {
  const under = (event) => {
    const box = element.getBoundingClientRect();
    const half = Math.ceil(((event.clientX - box.left) / box.width) * 10);
    return Math.min(10, Math.max(1, half)) / 2;
  };
  let down = false;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down = true;
    element.setPointerCapture(event.pointerId);
    draw(under(event));
  });
  element.addEventListener("pointermove", (event) => {
    if (down || event.pointerType === "mouse") draw(under(event));
  });
  element.addEventListener("pointerup", (event) => {
    if (down) commit(under(event));
    down = false;
  });
  for (const end of ["pointercancel", "pointerleave"]) {
    element.addEventListener(end, () => {
      down = false;
      back();
    });
  }
}
