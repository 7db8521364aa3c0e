// Which movies may be recommended: any of some genres, years, a language.

import { byId, make, show } from "./dom.js";
import { languageName } from "./movies.js";

/** Call `changed(milliseconds to wait)` whenever a filter changes. */
export function listenToFilters(changed) {
  const form = byId("filter-form");
  const draw = () => {
    const { genres, years, languages } = filters();
    const count = genres.length + languages.length + Object.keys(years).length;
    byId("filter-count").textContent = count ? ` (${count})` : "";
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    draw();
    changed(event.target.type === "number" ? 350 : 0); // a year has four digits
  });
  form.addEventListener("reset", () =>
    setTimeout(() => {
      draw(); // the fields are cleared after this event
      changed(0);
    }),
  );
}

/** As the API takes them. */
export function filters() {
  const number = (id) => (byId(id).value === "" ? undefined : Number(byId(id).value));
  const bounds = { first: number("first-year"), last: number("last-year") };
  const years = Object.fromEntries(Object.entries(bounds).filter(([, value]) => value !== undefined));
  const genres = [...byId("genres").querySelectorAll(":checked")].map((box) => box.value);
  return { genres, years, languages: byId("language").value ? [byId("language").value] : [] };
}

/** Offer the genres and languages that the model knows. */
export function offerFilters({ genres, languages }) {
  byId("genres").replaceChildren(
    ...genres.map((genre) => make("label", {}, make("input", { type: "checkbox", value: genre }), make("span", {}, genre))),
  );
  const named = languages.map((code) => [languageName(code), code]).sort(([a], [b]) => a.localeCompare(b));
  const options = named.map(([name, code]) => make("option", { value: code }, name));
  byId("language").replaceChildren(make("option", { value: "" }, "Any"), ...options);
  show(byId("genres").parentElement, genres.length > 0);
  show(byId("language").parentElement, languages.length > 0);
}
