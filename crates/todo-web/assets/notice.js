// Says what happens out of sight: that an item was added further down than the page shows, and which one was
// deleted. The list is the work of page.js, and this only looks on.

import { app, on, part, rows } from "./list.js";

// How long after a form was sent a new last row is the one that was typed.
const SOON_MS = 1000;

const added = part(".added");
let last, until = 0;
const look = (event, act) => app.addEventListener(event, act, true);

look("submit", ({ target }) => {
  if (!target.matches(".add")) return;
  added.hidden = true;
  last = rows.lastElementChild;
  until = performance.now() + SOON_MS;
});

new MutationObserver(() => {
  const row = rows.lastElementChild;
  if (!row || row === last || performance.now() > until) return;
  until = 0;
  added.querySelector("a").hash = row.id;
  added.hidden = row.getBoundingClientRect().bottom <= innerHeight;
}).observe(rows, { childList: true });

on(added, "click", () => (added.hidden = true));

// Whatever else is deleted, such as all that is done, has no name.
const name = part(".undo b");
look("click", ({ target }) => {
  if (target.closest(".clear-completed")) name.textContent = "";
  const row = target.closest(".destroy") && target.closest("li");
  if (row) name.textContent = row.querySelector("label").textContent;
});
look("focusout", ({ target }) => {
  if (target.matches(".edit") && !target.value.trim()) name.textContent = "";
});

// Once something is saved, what the page said of what was not is old.
new MutationObserver(() => part(".notes").classList.remove("behind"))
  .observe(part("[data-news]"), { childList: true });
