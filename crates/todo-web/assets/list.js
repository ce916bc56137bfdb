// The list as it is shown.

// Stands where an item's id goes.
const NOBODY = /0{8}[0-]{28}/g;

export const app = document.querySelector(".todoapp");
export const part = (name) => app.querySelector(name);
export const rows = part(".todo-list");
export const on = (element, kind, act) => element.addEventListener(kind, act);
export const idOf = (element) => element.closest("li").id.slice("item-".length);

// What a person wrote, for the page: nobody is to translate it.
export function quote(text) {
  const quoted = document.createElement("span");
  quoted.setAttribute("translate", "no");
  quoted.dir = "auto";
  quoted.textContent = text;
  return quoted;
}

// Of more items than this the page keeps the newest, as many as the server shows.
const MOST = 200;
const PART = 100;
// Made in a frame.
const MADE = 15;

export function makeList(known, outbox, shortened) {
  const blank = part("template").innerHTML;
  // How many items the page does not have, and how many of them are done.
  let others, othersDone;
  let isDue = false;

  // Of each item whose text is being changed, what it was when that began.
  const edited = new Map();
  const list = { show: "", isHeld: false, edited, read, learn, items, find, chosen, draw };
  return list;

  // Takes over the state of a page; what was learned since `before` is newer.
  function read(page, before) {
    const found = [...page.querySelectorAll(".todo-list > li")].map(itemOf);
    const { total, done } = page.querySelector(".todo-count").dataset;
    others = total - found.length;
    othersDone = done - found.filter(({ completed }) => completed).length;
    for (const [id, item] of before) if (!item.deleted && known.get(id) === item) known.delete(id);
    found.forEach(learn);
  }

  function items() {
    return outbox.items().sort(byPlace);
  }

  function find(id) {
    return items().find((item) => item.id === id);
  }

  // Those of them that are shown. One whose text is being changed stays, whatever becomes of it.
  function chosen(all = items()) {
    const ids = new Set(all.map(({ id }) => id));
    const gone = [...edited.values()].filter(({ id }) => !ids.has(id));
    if (gone.length) all = [...all, ...gone].sort(byPlace);
    const isShown = ({ completed }) => !list.show || !completed === (list.show === "active");
    return all.filter((item) => isShown(item) || edited.has(item.id));
  }

  // Once a frame, however many changes come. Where nobody looks there are no frames.
  function draw() {
    if (isDue) return;
    isDue = true;
    if (document.hidden) setTimeout(drawNow);
    else requestAnimationFrame(drawNow);
  }

  // Rows are kept, with what is typed in them.
  function drawNow() {
    isDue = false;
    if (list.isHeld) return;
    list.isDrawing = true;
    const focus = document.activeElement;
    const all = shorten(items());
    let made = 0;
    const isMade = ({ id }) => document.getElementById(`item-${id}`) || made++ < MADE;
    const shown = chosen(all).filter(isMade);
    if (made > MADE) draw();
    const ids = new Set(shown.map(({ id }) => `item-${id}`));
    for (const row of [...rows.children]) if (!ids.has(row.id)) row.remove();
    shown.forEach((item, index) => {
      const row = fill(document.getElementById(`item-${item.id}`) ?? make(item.id), item);
      const place = rows.children[index];
      // One that is typed in is left where it is, and the others go around it.
      if (edited.has(item.id)) while (rows.children[index] !== row) rows.append(rows.children[index]);
      else if (row !== place) rows.insertBefore(row, place);
    });
    // A row that was moved has lost the focus.
    if (focus !== document.activeElement) (focus.isConnected ? focus : part(".new-todo")).focus();
    list.isDrawing = false;
    sum(all);
  }

  function shorten(all) {
    if (all.length <= MOST) return all;
    const isKept = ({ id, state }, index) => state || edited.has(id) || index >= all.length - PART;
    const kept = new Set(all.filter(isKept));
    for (const item of all) {
      if (kept.has(item)) continue;
      known.delete(item.id);
      others++;
      othersDone += item.completed;
    }
    shortened();
    return [...kept];
  }

  function make(id) {
    rows.insertAdjacentHTML("beforeend", blank.replaceAll(NOBODY, id));
    return rows.lastElementChild;
  }

  function fill(row, { item, completed = false, state }) {
    const text = row.querySelector("label span") ?? row.querySelector("label");
    if (text.textContent !== item) text.textContent = item;
    row.querySelector(".toggle").checked = completed;
    row.classList.toggle("completed", completed);
    for (const name of ["saving", "waiting"]) row.classList.toggle(name, state === name);
    row.querySelector(".view").dataset.state = app.dataset[state] ?? "";
    return row;
  }

  function sum(all) {
    const total = all.length + others;
    const done = all.filter(({ completed }) => completed).length + othersDone;
    const left = total - done;
    count(left);
    part(".main").hidden = part(".footer").hidden = !total;
    part(".empty").hidden = total > 0 || "away" in app.dataset;
    part(".clear-completed").hidden = !done;
    part(".toggle-all").checked = !left;
    for (const link of app.querySelectorAll(".filters a")) {
      const isSelected = link.search === (list.show && `?show=${list.show}`);
      link.classList.toggle("selected", isSelected);
      if (isSelected) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  // Written anew: a translator may have changed it.
  function count(left) {
    if (left === list.left) return;
    list.left = left;
    const counter = part(".todo-count");
    const number = document.createElement("strong");
    number.textContent = left;
    counter.textContent = "";
    counter.append(number, left === 1 ? counter.dataset.one : counter.dataset.many);
  }

  // Savers may overtake each other: tells whether this is news.
  function learn(item) {
    if (item.version <= known.get(item.id)?.version) return false;
    known.set(item.id, item);
    // What is overtaken comes soon or never.
    if (item.deleted) setTimeout(() => known.get(item.id) === item && known.delete(item.id), 60_000);
    return true;
  }
}

function byPlace(a, b) {
  return a.order - b.order || (a.id < b.id ? -1 : 1);
}

// A text is taken from where no translator changes it. (A page of an older version has it not there.)
function itemOf(row) {
  return {
    id: idOf(row),
    item: row.querySelector(".edit").getAttribute("value") ?? row.querySelector("label").textContent,
    completed: row.classList.contains("completed"),
    order: Number(row.dataset.order),
    version: Number(row.dataset.version),
  };
}
