// Moves items: by dragging the pair of arrows, by pressing one, or by arrow keys on it.

import { idOf, on, rows } from "./list.js";

// How far a pointer goes before it drags (pixels), and how far apart two places at least are.
const SLACK = 5;
const STEP = 0.0005;

export function order(list, put) {
  const all = () => [...rows.children];
  const rowOf = ({ target }) => target.closest(".order")?.closest("li");
  let drag;

  on(rows, "click", (event) => {
    const button = event.target.closest(".up, .down");
    if (button) step(rowOf(event), button.matches(".up") ? -1 : 1);
  });
  on(rows, "keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || !rowOf(event)) return;
    event.preventDefault();
    step(rowOf(event), by);
  });
  on(rows, "pointerdown", (event) => {
    const row = event.button === 0 && rowOf(event);
    if (row) drag = { row, y: event.clientY };
  });
  on(rows, "pointermove", ({ clientY: y, pointerId, buttons }) => {
    // It may have been released where nobody heard of it.
    if (!(buttons & 1)) end(false);
    if (!drag) return;
    if (!list.isHeld) {
      if (Math.abs(y - drag.y) < SLACK) return;
      list.isHeld = true;
      // A row that is moved would lose the pointer.
      rows.setPointerCapture(pointerId);
      drag.row.classList.add("dragging");
    }
    const middle = ({ top, height }) => top + height / 2;
    const isNext = (row) => row !== drag.row && y < middle(row.getBoundingClientRect());
    const next = all().find(isNext) ?? null;
    if (drag.row.nextElementSibling !== next) rows.insertBefore(drag.row, next);
  });
  on(rows, "pointerup", () => end(true));
  on(rows, "pointercancel", () => end(false));

  function end(isDropped) {
    const row = drag?.row;
    drag = null;
    if (!list.isHeld) return;
    list.isHeld = false;
    row.classList.remove("dragging");
    if (isDropped) place(row, all().indexOf(row));
    list.draw();
  }

  function step(row, by) {
    const to = all().indexOf(row) + by;
    if (rows.children[to]) place(row, to);
  }

  function place(row, to) {
    const others = list.chosen().filter(({ id }) => id !== idOf(row));
    // Where an item comes that is not saved yet is not known. What is put beside it settles that.
    if (others[to]?.isGuess || others[to - 1]?.isGuess) {
      for (const { id, order, isGuess } of others) if (isGuess) put("move", id, { order });
    }
    const after = others[to]?.order;
    const before = others[to - 1]?.order ?? after - 2 * STEP;
    let order = (before + after) / 2;
    if (!(before < order && order < after)) order = before + STEP;
    if (isNaN(order)) return;
    put("move", idOf(row), { order });
    // Where there was no room, those behind make some.
    for (const item of others.slice(to)) {
      if (item.order > order) break;
      put("move", item.id, { order: (order += STEP) });
    }
  }
}
