// The list as it is shown.

// Stands where an item's id goes.
const NOBODY = /0{8}[0-]{28}/g;

export const app = document.querySelector(".todoapp");
export const part = (name) => app.querySelector(name);
export const rows = part(".todo-list");
export const on = (element, kind, act) => element.addEventListener(kind, act);
export const idOf = (element) => element.closest("li").id.slice("item-".length);

export function makeList(known, outbox) {
  const blank = part("template").innerHTML;
  // How many items the page does not have, and how many of them are done.
  let others, othersDone;

  const list = { show: "", isHeld: false, read, learn, items, chosen, draw };
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
    return outbox.items().sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  }

  // Those of them that are shown.
  function chosen() {
    return items().filter((item) => !list.show || !item.completed === (list.show === "active"));
  }

  // Rows are kept, with what is typed in them.
  function draw() {
    if (list.isHeld) return;
    list.isDrawing = true;
    const focus = document.activeElement;
    const shown = chosen();
    shown.forEach((item, index) => {
      const row = fill(document.getElementById(`item-${item.id}`) ?? make(item.id), item);
      const place = rows.children[index];
      if (row !== place) rows.insertBefore(row, place);
    });
    while (rows.children.length > shown.length) rows.lastElementChild.remove();
    // A row that was moved has lost the focus.
    if (focus !== document.activeElement) (focus.isConnected ? focus : part(".new-todo")).focus();
    list.isDrawing = false;
    sum();
  }

  function make(id) {
    rows.insertAdjacentHTML("beforeend", blank.replaceAll(NOBODY, id));
    return rows.lastElementChild;
  }

  function fill(row, { item, completed = false, state }) {
    const label = row.querySelector("label");
    if (label.textContent !== item) label.textContent = item;
    row.querySelector(".toggle").checked = completed;
    row.classList.toggle("completed", completed);
    for (const name of ["saving", "waiting"]) row.classList.toggle(name, state === name);
    row.querySelector(".view").dataset.state = app.dataset[state] ?? "";
    return row;
  }

  function sum() {
    const all = items();
    const total = all.length + others;
    const done = all.filter(({ completed }) => completed).length + othersDone;
    const left = total - done;
    const { firstChild, lastChild, dataset } = part(".todo-count");
    firstChild.textContent = left;
    lastChild.data = left === 1 ? dataset.one : dataset.many;
    part(".main").hidden = part(".footer").hidden = !total;
    part(".empty").hidden = total > 0 || "away" in app.dataset;
    part(".clear-completed").hidden = !done;
    part(".toggle-all").checked = !left;
    for (const link of app.querySelectorAll(".filters a")) {
      const isSelected = link.search === (list.show && `?show=${list.show}`);
      link.classList.toggle("selected", isSelected);
      link.ariaCurrent = isSelected ? "page" : null;
    }
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

function itemOf(row) {
  return {
    id: idOf(row),
    item: row.querySelector("label").textContent,
    completed: row.classList.contains("completed"),
    order: Number(row.dataset.order),
    version: Number(row.dataset.version),
  };
}
