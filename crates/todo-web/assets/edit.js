// Changes the text of an item in its row. What was typed is sent if it was finished, and only what was
// typed: a field that is left as it was opened changes nothing, whatever others did meanwhile.

import { idOf, on, rows } from "./list.js";

// Tells whether a key belongs to a word that is still being composed, as Korean and Japanese are. Safari
// says so by the code alone, after the word is done.
export const isComposed = ({ isComposing, keyCode }) => isComposing || keyCode === 229;

// How long a double click may take.
const DOUBLE_MS = 500;

// `tidy` makes the text fit to be kept, or says why it is not; `lose` shows one that has no item any more.
export function editing(list, known, { put, remove, tidy, lose }) {
  const { edited } = list;
  let opened = 0;

  function open(row) {
    const item = list.find(idOf(row));
    if (!item || edited.has(item.id)) return;
    const field = row.querySelector(".edit");
    row.classList.add("editing");
    field.value = item.item;
    edited.set(item.id, { ...item, item: field.value });
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    opened = performance.now();
  }

  function finish(field, isKept) {
    const id = idOf(field);
    const before = edited.get(id);
    if (!before) return;
    const isTyped = isKept && field.value !== before.item;
    const text = tidy(isTyped ? field.value : "");
    if (text === null) return;
    edited.delete(id);
    field.closest("li").classList.remove("editing");
    if (isTyped) save(id, text);
    list.draw();
  }

  function save(id, item) {
    const isGone = known.get(id)?.deleted && !list.find(id);
    if (isGone) lose(item);
    else if (!item) remove([id]);
    else if (item !== list.find(id)?.item) put("rename", id, { item });
  }

  const isField = ({ target }) => target.matches?.(".edit");
  const leave = (event) => !list.isDrawing && isField(event) && finish(event.target, true);

  // With a finger a tap is enough. Not every browser says what a click was made with.
  function isTap({ pointerType }) {
    return pointerType === "touch" || matchMedia("(hover: none)").matches;
  }

  function openAt(event, where) {
    if (!event.target.closest(where)) return;
    event.preventDefault();
    open(event.target.closest("li"));
  }

  on(rows, "click", (event) => {
    const done = event.target.closest(".keep, .drop");
    if (done) finish(done.closest("li").querySelector(".edit"), done.matches(".keep"));
    const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (isPlain) openAt(event, isTap(event) ? "label, .change" : ".change");
  });
  // Where a click is enough, the other half of a double click would choose a word to be typed over.
  on(rows, "mousedown", (event) => {
    // Pressed, they would take the focus, and leaving the field saves it.
    if (event.target.closest(".keep, .drop")) event.preventDefault();
    if (isField(event) && event.detail > 1 && performance.now() - opened < DOUBLE_MS) event.preventDefault();
  });
  on(rows, "dblclick", (event) => openAt(event, "label"));
  // Some only say so to the field itself.
  rows.addEventListener("blur", leave, true);
  on(rows, "focusout", leave);
  on(rows, "keydown", (event) => {
    if (isComposed(event) || !isField(event)) return;
    const isEnter = event.key === "Enter";
    // It would press the first button of the form.
    if (isEnter) event.preventDefault();
    if (isEnter || event.key === "Escape") finish(event.target, isEnter);
  });
  // Going away is leaving the field, too; and what is too long is not to be gone with the page.
  on(window, "pagehide", () => {
    for (const field of rows.querySelectorAll(".editing .edit")) {
      finish(field, true);
      if (edited.has(idOf(field))) lose(field.value);
    }
  });
}
