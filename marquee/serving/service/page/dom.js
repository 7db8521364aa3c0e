// Elements without markup: every text goes in as text, so no title can be HTML.

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id; index.html promises it. */
export const byId = (id) => document.getElementById(id);

/** make("p", {class: "hint", onclick: f}, "text", child): attributes, listeners, children; null ones are left out. */
export const make = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

export const makeSvg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** Show or hide, and say which. */
export function show(element, visible) {
  element.hidden = !visible;
  return visible;
}

/** Say it to those who listen to the page. */
export const announce = (text) => void (byId("announcement").textContent = text);

export const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** Terms and what they are; rows without a value are left out. */
export function definitions(rows) {
  const shown = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return make("dl", {}, ...shown.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
}

/**
 * Show `rows` in `list`, in order: elements of rows that stay are kept (with focus and open details) and moved.
 * `build(row)` makes an element with an `update(row)`.
 */
export function reconcile(list, rows, key, build) {
  const known = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const before = new Map([...known].map(([id, element]) => [id, element.getBoundingClientRect()]));
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const place = [...list.children].findIndex((element) => element.contains(focused));
  const elements = rows.map((row) => {
    const id = String(key(row));
    const element = known.get(id) ?? build(row);
    element.dataset.key = id;
    element.update(row);
    return element;
  });
  list.replaceChildren(...elements);
  if (focused) refocus(list, focused, place);
  glide(elements, before);
}

/** Focus a movie's card where it can be seen, in the dialog that is open or among the recommendations; else a heading. */
export function focusOn({ movie_id }) {
  const dialog = document.querySelector("dialog[open]");
  const control = (dialog ?? byId("recommendations")).querySelector(`[data-key="${movie_id}"] .actions button`);
  (control ?? dialog?.querySelector("h2") ?? byId("programme")).focus();
}

/** Focus follows its element; where that has gone, it goes to the one now in its place. */
function refocus(list, focused, place) {
  if (focused.isConnected) {
    focused.focus({ preventScroll: true });
    return;
  }
  const heir = list.children[Math.min(place, list.children.length - 1)];
  heir?.querySelector(focused.tagName === "INPUT" ? "input" : "button, input")?.focus({ preventScroll: true });
}

/** Elements slide from where they were; new ones fade in. Nothing moves for those who asked for less motion. */
function glide(elements, before) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches || before.size === 0) return;
  for (const element of elements) {
    const from = before.get(element.dataset.key);
    const to = element.getBoundingClientRect();
    const frames = from
      ? [{ transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)` }, { transform: "none" }]
      : [{ opacity: 0 }, { opacity: 1 }];
    if (!from || from.left !== to.left || from.top !== to.top) {
      element.animate(frames, { duration: 260, easing: "cubic-bezier(.2,.7,.3,1)" });
    }
  }
}
