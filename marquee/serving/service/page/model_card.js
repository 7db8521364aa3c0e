// The model card, GET /model, to be read by people.

import { modelCard } from "./api.js";
import { byId, definitions, make, show } from "./dom.js";

const STAGES = {
  evaluate_retrieval: "Retrieval: is the movie somebody liked next among the best of the whole catalogue?",
  evaluate_ranking: "Ranking: how far is the predicted rating from the one given?",
  evaluate_recommender: "The whole recommender, as this service runs it",
};
const NAMES = {
  top_100_accuracy: "Top-100 accuracy",
  ndcg_at_10: "NDCG@10",
  hit_rate_at_10: "Hit rate@10",
  mrr: "MRR",
  rmse: "RMSE, stars",
  auc: "AUC",
  ease: "EASE",
  dcn: "DCN",
  two_tower: "two-tower",
  oracle: "oracle of the simulation",
  latency_ms: "99th percentile of a recommendation, ms, at most",
  bundle_mb: "size of the bundle, MB, at most",
  rmse_at_most: "RMSE, stars, at most",
  retrieval_above_popularity: "lower end of retrieval's gain over popularity, above",
};
const OURS = new Set(["two_tower", "dcn", "recommender"]);
const LOWER_IS_BETTER = new Set(["rmse"]);

/** What a gate was measured by, of the card's metrics; of the others only the verdict is kept. */
const GATED = {
  rmse_at_most: (metrics) => score(metrics.evaluate_ranking, "rmse", "dcn", "all")?.value,
  retrieval_above_popularity: (metrics) =>
    score(metrics.evaluate_retrieval, "top_100_accuracy", "two_tower", "minus_popularity")?.low,
};
const score = (rows, ...asked) =>
  rows?.find(({ metric, model, group }) => [metric, model, group].every((value, place) => value === asked[place]));

const named = (name) => NAMES[name] ?? name.replaceAll("_", " ");
const MINUS = "minus_"; // of a paired difference's group
const count = (value) => value.toLocaleString("en");

export async function showModelCard(dialog) {
  const [body, problem] = [byId("card-body"), byId("card-problem")];
  show(problem, false);
  dialog.showModal();
  byId("card-title").focus();
  try {
    body.replaceChildren(...sections(await modelCard()));
  } catch (error) {
    body.replaceChildren();
    problem.textContent = error.message;
    show(problem, true);
  }
}

function sections({ data, split, metrics, requirements, libraries, model, num_movies }) {
  const measured = Object.entries(metrics).flatMap(([stage, rows]) => measurement(stage, rows) ?? []);
  const gates = Object.entries(requirements).map(([name, { required, passed }]) => [
    named(name),
    String(required),
    GATED[name]?.(metrics)?.toFixed(3) ?? "not kept",
    passed ? "passed" : "failed",
  ]);
  const inTime = Object.entries(split.periods).sort(([, a], [, b]) => (a.first_day ?? "").localeCompare(b.first_day ?? ""));
  const periods = inTime.map(([name, { ratings, first_day }]) => [name, count(ratings), first_day ?? ""]);
  const why = "Milliseconds differ from run to run, and the bundle cannot hold its own size: of these it is kept that they passed.";
  const unkept = make("p", { class: "hint" }, why);
  return [
    section("Bundle", definitions([["Content hash", make("code", {}, model)]])),
    section("Data", ...about(data, num_movies)),
    section(
      "Held back to measure with",
      make("p", { class: "hint" }, `Split: ${split.kind}. Every number below is of the test period, which nothing was fitted or tuned on.`),
      table("", ["Period", "Ratings", "From"], [periods]),
    ),
    section("Measured, with 95 % intervals", ...measured),
    section("Required before it was packaged", table("", ["Requirement", "Bound", "Measured", ""], [gates]), unkept),
    section("Runs on", definitions([["Libraries", make("code", {}, libraries.join(", "))]])),
  ];
}

const section = (title, ...children) => make("section", {}, make("h3", {}, title), ...children);

function about(data, catalogue) {
  const facts = definitions([
    ["Source", data.source + (data.simulated ? ": real movies, simulated people" : "")],
    ["People", count(data.users)],
    ["Ratings", count(data.ratings)],
    ["Movies", `${count(data.movies)} learned from, ${count(catalogue)} in the catalogue`],
    ["Metadata", data.metadata],
  ]);
  const licences = data.licences.map(({ data: what, holder, licence, citation }) =>
    make("p", { class: "hint" }, `${what}: ${[holder, licence, citation].filter(Boolean).join(". ")}`),
  );
  return [facts, ...licences];
}

/** One evaluation: models and baselines, the best first, then our paired differences on the same events. */
function measurement(stage, scores) {
  const ofModels = scores.filter(({ model, value }) => model && typeof value === "number");
  const whole = ofModels.filter(({ group }) => group === "all");
  const columns = [...new Set(whole.map(({ metric }) => metric))];
  if (columns.length === 0) return null;
  const [first] = columns;
  const sign = LOWER_IS_BETTER.has(first) ? 1 : -1;
  const ordered = whole.filter(({ metric }) => metric === first).sort((a, b) => sign * (a.value - b.value));
  const cells = (model, group) =>
    columns.map((column) => withRange(ofModels.find((score) => score.model === model && score.group === group && score.metric === column)));
  const models = ordered.map(({ model }) => Object.assign([named(model), ...cells(model, "all")], { ours: OURS.has(model) }));
  const paired = ofModels.filter(({ model, metric, group }) => OURS.has(model) && metric === first && group.startsWith(MINUS));
  const gains = paired.map(({ model, group }) => [`${named(model)} minus ${named(group.slice(MINUS.length))}`, ...cells(model, group)]);
  return table(STAGES[stage] ?? named(stage), ["", ...columns.map(named)], [models, gains]);
}

function withRange(score) {
  if (!score) return "";
  const ends = [score.low, score.high];
  const interval = ends.every((end) => typeof end === "number") ? ends.map((end) => end.toFixed(3)).join(" to ") : "";
  return make("span", {}, score.value.toFixed(3), interval && make("span", { class: "interval" }, ` (${interval})`));
}

/** Bodies of rows; the first cell of a row is its heading. */
function table(caption, heads, bodies) {
  const head = make("thead", {}, make("tr", {}, ...heads.map((text) => (text ? make("th", { scope: "col" }, text) : make("td")))));
  const line = ([name, ...cells]) => [make("th", { scope: "row" }, name), ...cells.map((cell) => make("td", {}, cell))];
  const body = (rows) => make("tbody", {}, ...rows.map((row) => make("tr", { class: row.ours && "ours" }, ...line(row))));
  const whole = make("table", {}, caption && make("caption", {}, caption), head, ...bodies.map(body));
  return make("div", { class: "scroll", role: "region", tabindex: 0, "aria-label": caption || heads[0] }, whole);
}
