// A list that is changed in place.

import { editing, isComposed } from "./edit.js";
import { follow } from "./feed.js";
import { app, idOf, makeList, on, part, quote, rows } from "./list.js";
import { order } from "./order.js";
import { makeOutbox, newKey } from "./outbox.js";
import { makeRefused } from "./refused.js";

const UNDO_MS = 8000;
const LONGEST = 256;
// How long after one state the next is taken.
const REFRESH_MS = 1000;

const texts = app.dataset;
const input = part(".new-todo");
// What is known of each item, also of those that are gone.
const known = new Map();
const outbox = makeOutbox(texts.list, known, { changed: () => list.draw(), refused: refuse, foreign });
const list = makeList(known, outbox, () => {
  if (!isPart) refresh();
  isPart = true;
});
const lose = makeRefused(texts.list, texts);
const { put } = outbox;
// Of a long list the page has a part: the newest of those that are shown.
let isPart = "part" in texts;
const wanted = () => (isPart ? list.show : "");

function hear(item) {
  // An item that is not shown may be one of another part.
  const isElsewhere = isPart && !known.has(item.id) && item.version > 1;
  if ("away" in texts || isElsewhere) refresh();
  if (isElsewhere || !list.learn(item)) return;
  learned++;
  list.draw();
  if (!heard) requestAnimationFrame(say);
  heard = item;
}

let heard;
let learned = 0;
function say() {
  const news = part("[data-news]");
  // What the page said of what was not saved is old.
  part(".notes").classList.remove("behind");
  news.textContent = `${heard.deleted ? texts.removed : texts.saved}: `;
  news.append(quote(heard.item));
  heard = null;
}

// Takes the state of a new page.
let asked = 0;
let answered = -REFRESH_MS;
function refresh(pause = 100 + Math.random() * 400) {
  const soonest = answered + REFRESH_MS - performance.now();
  asked ||= setTimeout(async () => {
    asked = 0;
    const before = new Map(known);
    const then = learned;
    const address = `${location.pathname}?show=${wanted()}`;
    const text = await fetch(address).then((answer) => answer.text()).catch(() => "");
    answered = performance.now();
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.querySelector(".todoapp:not([data-away])");
    if (!fresh) return refresh(2000);
    isPart = "part" in fresh.dataset;
    texts.show = fresh.dataset.show;
    // In a list that became long, others are the newest.
    if (texts.show !== wanted()) return refresh(0);
    part(".notes").replaceWith(fresh.querySelector(".notes"));
    delete texts.away;
    list.read(fresh, before);
    // What came meanwhile may be counted twice.
    if (isPart && then !== learned) refresh();
    list.draw();
  }, Math.max(pause, soonest));
}

function complain(problem) {
  Object.assign(part(".problem"), { textContent: problem, hidden: !problem });
}

// Shows a text that is not taken, or is not any more. A change without one shows itself.
function refuse(change, why, forget) {
  const text = change.effect.item ?? (change.effect.deleted ? "" : known.get(change.id)?.item);
  if (text) lose(change, text, why ?? texts.gone, forget);
  else forget();
  refresh();
}

// Says that what answers is not the server.
function foreign(isForeign) {
  const note = part(".foreign");
  if (note) note.hidden = !isForeign;
}

// The text as it is kept; null if it is too long, nothing if nothing can be seen.
function tidy(text) {
  const composed = text.replace(/\p{Cc}/gu, " ").trim().normalize();
  const tidied = /^[\s\p{DI}\u2800]*$/u.test(composed) ? "" : composed;
  const { length } = [...tidied];
  complain(length > LONGEST ? texts.long.replace("#", length) : "");
  return length > LONGEST ? null : tidied;
}

on(app, "input", ({ target }) => target.matches(".new-todo, .edit") && tidy(target.value));

part(".add").noValidate = true;
on(part(".add"), "submit", add);
// A key that a script sends submits nothing by itself.
on(input, "keydown", (event) => {
  if (event.key === "Enter" && !event.isTrusted && !isComposed(event)) add(event);
});

function add(event) {
  event.preventDefault();
  const item = tidy(input.value);
  if (!item) return;
  const id = newKey();
  put("new", id, { id, item });
  input.value = "";
  input.focus();
  added.hidden = true;
  requestAnimationFrame(() => tellOf(`item-${id}`));
}

// Says that an item was added where the page does not show it.
const added = part(".added");
function tellOf(id) {
  const row = document.getElementById(id);
  added.querySelector("a").hash = id;
  added.hidden = !row || row.getBoundingClientRect().bottom <= innerHeight;
}

on(added, "click", () => (added.hidden = true));

function tick(id, completed) {
  put(completed ? "complete" : "reopen", id, { completed });
}

const undo = part(".undo");
let removed, over;
function remove(ids) {
  removed = ids;
  part(".undo b").textContent = ids.length === 1 ? list.find(ids[0])?.item : "";
  ids.forEach((id) => put("delete", id, { deleted: true }));
  undo.hidden = false;
  offer();
}

function offer() {
  clearTimeout(over);
  over = setTimeout(() => {
    if (undo.matches(":hover, :focus-within")) offer();
    else undo.hidden = true;
  }, UNDO_MS);
}

on(part(".undo button"), "click", () => {
  removed.forEach((id) => put("restore", id, { deleted: false }));
  undo.hidden = true;
  input.focus();
});

// Of a long list the server changes all.
let isMeant;
async function submit(button) {
  for (let n = 0; n < 50 && !outbox.isEmpty(); n++) await new Promise((next) => setTimeout(next, 100));
  isMeant = true;
  button.click();
  isMeant = false;
}

on(part(".changes"), "submit", (event) => isMeant || event.preventDefault());
on(rows, "click", ({ target }) => target.closest(".destroy") && remove([idOf(target)]));
on(part(".clear-completed"), "click", ({ target }) => {
  if (isMeant) return;
  if (isPart) submit(target);
  else remove(list.items().filter(({ completed }) => completed).map(({ id }) => id));
});
on(part(".toggle-all"), "change", ({ target: { checked } }) => {
  if (isPart) return submit(part(".each .tick"));
  for (const { id, completed } of list.items()) if (!completed === checked) tick(id, checked);
});

on(rows, "change", ({ target }) => target.matches(".toggle") && tick(idOf(target), target.checked));
on(app, "keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("[type=checkbox]")) event.preventDefault();
});
editing(list, known, { put, remove, tidy, lose: (text) => lose({ key: newKey() }, text, texts.gone) });
order(list, put);

on(part(".filters"), "click", (event) => {
  if (isPart || event.ctrlKey || event.metaKey || !event.target.matches("a")) return;
  history.pushState(null, "", event.target.href);
  event.preventDefault();
  choose();
});
on(window, "popstate", choose);

function choose() {
  const name = new URLSearchParams(location.search).get("show") ?? location.hash.slice(2);
  list.show = ["active", "completed"].includes(name) ? name : "";
  list.draw();
  if (texts.show !== wanted()) refresh(0);
}

list.read(app, known);
choose();
// Without this mark the forms are what is shown.
document.documentElement.classList.add("scripted");
outbox.send();
follow(texts.list, Number(texts.after), (kind, item) => {
  if (kind === "saved") return hear(item);
  if (kind === "reset") return refresh();
  part(".offline").hidden = kind === "open";
  if (kind === "open") outbox.send();
});
