// The years to choose from, checked where they are typed: what cannot be asked is said there, and nobody is asked.

import { announce, byId, show } from "./dom.js";

const FIELDS = { first: "first-year", last: "last-year" };
let catalogue = { first: 1800, last: 2200 }; // what the API takes, until the model's card tells what there is
let sound = {}; // the last years without a fault

/** The years to ask for, `first` and `last` where given: while a field has a fault, those before it. */
export const years = () => sound;

/** Choose years, as texts. */
export function chooseYears(texts) {
  for (const [end, id] of Object.entries(FIELDS)) byId(id).value = texts[end];
  readYears();
}

/** Offer the years that the catalogue has; others are asked for no more. */
export function offerYears(known) {
  catalogue = known ?? catalogue;
  for (const id of Object.values(FIELDS)) Object.assign(byId(id), { min: catalogue.first, max: catalogue.last });
  sound = {};
  readYears();
}

/** Read the fields and say what is wrong with them. Returns whether other years are to be asked for than before. */
export function readYears() {
  const filled = Object.entries(FIELDS).filter(([, id]) => byId(id).value !== "" || byId(id).validity.badInput);
  const given = Object.fromEntries(filled.map(([end, id]) => [end, byId(id).valueAsNumber]));
  const faults = faultsOf(given);
  tell(faults);
  if (Object.keys(faults).length > 0 || JSON.stringify(given) === JSON.stringify(sound)) return false;
  sound = given;
  return true;
}

/** A year that is still being typed is no fault yet. */
export const isUnfinished = ({ value, validity }) => !validity.badInput && value !== "" && value.length < 4;

function faultsOf(given) {
  const faults = {};
  for (const [end, year] of Object.entries(given)) {
    if (!Number.isInteger(year)) faults[end] = "A year is a whole number, such as 1994.";
    else if (year < catalogue.first || year > catalogue.last) {
      faults[end] = `The movies here are of ${catalogue.first} to ${catalogue.last}; ${year} is outside.`;
    }
  }
  if (Object.keys(faults).length === 0 && given.first > given.last) {
    faults.last = `The first year, ${given.first}, is after the last, ${given.last}.`;
  }
  return faults;
}

function tell(faults) {
  const problem = byId("years-problem");
  const text = [...new Set(Object.values(faults))].join(" ");
  for (const [end, id] of Object.entries(FIELDS)) byId(id).setAttribute("aria-invalid", String(end in faults));
  if (text && text !== problem.textContent) announce(text);
  if (text) byId("filters").open = true;
  problem.textContent = text;
  show(problem, text !== "");
}
