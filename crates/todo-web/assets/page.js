// A list that is changed in place. The page does the same without this, by its forms.

import { follow } from "./feed.js";
import { app, idOf, makeList, on, part, rows } from "./list.js";
import { order } from "./order.js";
import { makeOutbox, newKey } from "./outbox.js";

const UNDO_MS = 8000;
const LONGEST = 256;

const texts = app.dataset;
const input = part(".new-todo");
// What is known of each item, also of those that are gone.
const known = new Map();
const outbox = makeOutbox(texts.list, known, () => list.draw(), refuse);
const list = makeList(known, outbox);
const { put } = outbox;
// Of a long list the page has a part: the newest of those that are shown.
let isPart = "part" in texts;
const wanted = () => (isPart ? list.show : "");
let last = Number(texts.after);

follow(texts.live, () => last, ({ kind, id, item }) => {
  if (kind === "open" || kind === "error") {
    part(".offline").hidden = kind === "open";
    if (kind === "open") outbox.send();
  } else if (kind === "reset" || id > last) {
    last = id;
    if (kind === "saved") hear(item);
    else refresh();
  }
});

function hear(item) {
  // An item that is not shown may be one of another part.
  if ("away" in texts || (isPart && !known.has(item.id) && item.version > 1)) refresh();
  if (!list.learn(item)) return;
  list.draw();
  part("[data-news]").textContent = `${item.deleted ? texts.removed : texts.saved}: ${item.item}`;
}

// Takes the state as a new page shows it. One without the database is none.
let asked = 0;
function refresh(pause = 100 + Math.random() * 400) {
  asked ||= setTimeout(async () => {
    asked = 0;
    const before = new Map(known);
    const address = `${location.pathname}?show=${wanted()}`;
    const text = await fetch(address).then((answer) => answer.text()).catch(() => "");
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.querySelector(".todoapp:not([data-away])");
    if (!fresh) return refresh(2000);
    isPart = "part" in fresh.dataset;
    texts.show = fresh.dataset.show;
    // The list may have become a long one, and then others are the newest.
    if (texts.show !== wanted()) return refresh(0);
    part(".notes").replaceWith(fresh.querySelector(".notes"));
    delete texts.away;
    list.read(fresh, before);
    list.draw();
  }, pause);
}

function complain(problem) {
  Object.assign(part(".problem"), { textContent: problem, hidden: !problem });
}

function refuse(item = "") {
  complain(`${texts.refused} ${item}`);
  refresh();
}

// The text as it is kept; null if it is too long.
function tidy(text) {
  const tidied = text.replace(/\p{Cc}/gu, " ").trim();
  const isLong = [...tidied].length > LONGEST;
  complain(isLong ? texts.long : "");
  return isLong ? null : tidied;
}

part(".add").noValidate = true;
on(part(".add"), "submit", (event) => {
  event.preventDefault();
  const item = tidy(input.value);
  if (!item) return;
  const id = newKey();
  put("new", id, { id, item, order: Date.now() / 1000 });
  input.value = "";
  input.focus();
});

function edit(event, where) {
  if (!event.target.matches(where)) return;
  event.preventDefault();
  const row = event.target.closest("li");
  const field = row.querySelector(".edit");
  row.classList.add("editing");
  field.value = row.querySelector("label").textContent;
  field.focus();
}

function finish(field, isKept) {
  const row = field.closest(".editing");
  const old = row?.querySelector("label").textContent;
  const item = row && tidy(isKept ? field.value : old);
  if (item === null) return;
  row.classList.remove("editing");
  if (!item) remove([idOf(row)]);
  else if (item !== old) put("rename", idOf(row), { item });
}

function tick(id, completed) {
  put(completed ? "complete" : "reopen", id, { completed });
}

const undo = part(".undo");
let removed, over;
function remove(ids) {
  removed = ids;
  ids.forEach((id) => put("delete", id, { deleted: true }));
  undo.hidden = false;
  offer();
}

// Nobody who is about to undo is hurried.
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

on(part(".changes"), "submit", (event) => {
  const is = (name) => event.submitter?.matches(name);
  if (isPart && !is("li *")) return;
  event.preventDefault();
  if (is(".destroy")) remove([idOf(event.submitter)]);
  else if (is(".clear-completed")) remove(list.items().filter(({ completed }) => completed).map(({ id }) => id));
});

on(part(".toggle-all"), "change", ({ target: { checked, form } }) => {
  if (isPart) return form.requestSubmit(part(".each .tick"));
  for (const { id, completed } of list.items()) if (!completed === checked) tick(id, checked);
});

on(rows, "change", ({ target }) => target.matches(".toggle") && tick(idOf(target), target.checked));
on(rows, "dblclick", (event) => edit(event, "label"));
on(rows, "click", (event) => edit(event, event.pointerType === "touch" ? "label, .change" : ".change"));
on(rows, "focusout", ({ target }) => !list.isDrawing && target.matches(".edit") && finish(target, true));
on(app, "keydown", (event) => {
  const { key, target, isComposing } = event;
  const isEnter = key === "Enter";
  if (isComposing || !target.matches(".edit, [type=checkbox]")) return;
  // It would press the first button of the form.
  if (isEnter) event.preventDefault();
  if (isEnter || key === "Escape") finish(target, isEnter);
});
order(list, put);

on(part(".filters"), "click", (event) => {
  if (isPart || event.ctrlKey || event.metaKey || !event.target.matches("a")) return;
  event.preventDefault();
  history.pushState(null, "", event.target.href);
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
outbox.send();
