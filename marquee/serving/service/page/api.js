// The service's HTTP API, at addresses relative to the page: it works behind any path prefix.

const BUSY = new Set([429, 502, 503, 504]); // statuses that pass by themselves

/** Why there is no answer, in words for whoever uses the page. */
export class Refusal extends Error {
  /** @param {number} status 0: nobody answered. @param {number} retrySeconds 0: asking again as it is will not help. */
  constructor(message, status, retrySeconds) {
    super(message);
    this.status = status;
    this.retrySeconds = retrySeconds;
  }
}

export const recommend = (body, signal) => ask("recommend", { body, signal });
export const similar = (body, signal) => ask("similar", { body, signal });
export const predictRatings = (body, signal) => ask("predict_ratings", { body, signal });
export const search = (title, signal) => ask(`movies?k=8&title=${encodeURIComponent(title)}`, { signal });
export const details = (movieId) => ask(`movies/${movieId}`, {});
export const modelCard = () => ask("model", {});

/** Tell the service what somebody did. Nobody waits for it, and a failure is nobody's concern here. */
export const feedback = (event) => void ask("feedback", { body: event, keepalive: true }).catch(() => {});

async function ask(path, { body, ...options }) {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  let answer;
  try {
    response = await fetch(`../${path}`, { ...options, ...(body && post) });
    answer = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!response) throw new Refusal("The service does not answer. Your ratings are safe in this browser.", 0, 3);
  }
  if (response.ok && answer) return answer;
  throw refusal(response, answer);
}

function refusal(response, answer) {
  const { status } = response;
  const rules = Array.isArray(answer?.detail) ? answer.detail.map(rule).join("; ") : "";
  const what = status === 503 ? "The service is busy" : status < 500 ? "The service refuses this" : "The service failed";
  const retrySeconds = BUSY.has(status) ? Number(response.headers.get("Retry-After")) || 5 : 0;
  return new Refusal(`${what} (${status})${rules ? `: ${rules}` : ""}.`, status, retrySeconds);
}

const rule = ({ loc, msg }) => [loc?.join("."), msg?.replace(/^Value error, /, "")].filter(Boolean).join(": ");

/** Of questions asked in quick succession only the last is answered: those before it reject with an AbortError. */
export function latestOnly() {
  let current = new AbortController();
  return async (question) => {
    current.abort();
    const mine = (current = new AbortController());
    const answer = await question(mine.signal);
    mine.signal.throwIfAborted();
    return answer;
  };
}

/** Run what is asked for once it has not been asked for again for a while. */
export function debounced(task) {
  let timer;
  return (milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(task, milliseconds);
  };
}
