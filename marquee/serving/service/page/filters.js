// Which movies may be recommended: any of some genres, years, a language.

import { byId, make, show } from "./dom.js";
import { languageName } from "./movies.js";
import { chooseYears, isUnfinished, offerYears, readYears, years } from "./years.js";

/** Call `changed(milliseconds to wait)` whenever other movies are to be asked for. */
export function listenToFilters(changed) {
  const form = byId("filter-form");
  const checkYears = () => {
    if (!readYears()) return;
    draw();
    changed(350); // the other year may follow
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", ({ target }) => {
    if (target.type === "number") return isUnfinished(target) || checkYears();
    draw();
    changed(0);
  });
  form.addEventListener("change", ({ target }) => target.type === "number" && checkYears()); // typed to its end
  form.addEventListener("reset", () =>
    setTimeout(() => {
      readYears(); // the fields are cleared after this event
      draw();
      changed(0);
    }),
  );
}

function draw() {
  const { genres, years, languages } = filters();
  const count = genres.length + languages.length + Object.keys(years).length;
  byId("filter-count").textContent = count ? ` (${count})` : "";
}

/** As the API takes them. */
export function filters() {
  const genres = [...byId("genres").querySelectorAll(":checked")].map((box) => box.value);
  return { genres, years: years(), languages: byId("language").value ? [byId("language").value] : [] };
}

/** Choose as an address says; there is nothing else to choose until the model's filters are offered. */
export function chooseFilters(chosen) {
  offer(chosen, chosen);
  chooseYears(chosen.years);
  draw();
}

/** Offer the genres, languages and years that the model knows; of what was chosen, what it knows stays so. */
export function offerFilters(known) {
  offer(known, filters());
  offerYears(known.years);
  draw();
}

function offer({ genres, languages }, chosen) {
  const box = (genre) => make("input", { type: "checkbox", value: genre, checked: chosen.genres.includes(genre) });
  byId("genres").replaceChildren(...genres.map((genre) => make("label", {}, box(genre), make("span", {}, genre))));
  const named = languages.map((code) => [languageName(code), code]).sort(([a], [b]) => a.localeCompare(b));
  const options = named.map(([name, code]) => make("option", { value: code, selected: chosen.languages.includes(code) }, name));
  byId("language").replaceChildren(make("option", { value: "" }, "Any"), ...options);
  show(byId("genres").parentElement, genres.length > 0);
  show(byId("language").parentElement, languages.length > 0);
}
