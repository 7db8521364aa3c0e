// Take back what was done last: a button for a while, Ctrl+Z for as long as nothing else was done.

import { byId, show } from "./dom.js";

const OFFERED = 8000; // milliseconds; longer while the button has the focus or the pointer
let last = null; // takes back what was done last
let timer;

/** Offer to take back what `text` says. `undo` also puts the focus where it belongs afterwards. */
export function offerUndo(text, undo) {
  last = undo;
  (openDialog() ?? document.body).append(byId("toast"));
  byId("toast").firstElementChild.textContent = text;
  show(byId("toast"), true);
  hideLater();
}

/** While it is open nothing under it can be used, nor undone: what was offered there is out of sight. */
const openDialog = () => document.querySelector("dialog[open]");

export function listenToUndo() {
  const toast = byId("toast");
  toast.lastElementChild.addEventListener("click", takeBack);
  for (const stay of ["focusin", "pointerenter"]) toast.addEventListener(stay, () => clearTimeout(timer));
  for (const leave of ["focusout", "pointerleave"]) toast.addEventListener(leave, hideLater);
  addEventListener("keydown", (event) => {
    const asked = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
    if (!asked || !last || isTyped(event.target) || openDialog()?.contains(toast) === false) return;
    event.preventDefault();
    takeBack();
  });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("close", () => dialog.contains(toast) && document.body.append(toast));
  }
}

function takeBack() {
  const undo = last;
  last = null;
  clearTimeout(timer);
  show(byId("toast"), false);
  undo?.();
}

function hideLater() {
  clearTimeout(timer);
  timer = setTimeout(() => show(byId("toast"), false), OFFERED);
}

/** A field with a text of its own, which the browser's own undo is for. */
const isTyped = (element) => element.matches?.("input:not([type=range], [type=checkbox])") && element.value !== "";
