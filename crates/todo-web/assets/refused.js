// What was not accepted and never will be: its texts are shown, all of them, until they are dismissed.

import { app, on, part, quote } from "./list.js";
import { keep, kept, release } from "./keep.js";

export function makeRefused(list, texts) {
  const prefix = `refused ${list} `;
  const loose = new Map();
  const box = document.createElement("div");
  const entries = document.createElement("ul");
  const dismiss = document.createElement("button");
  box.className = "refused";
  box.setAttribute("role", "alert");
  dismiss.type = "button";
  dismiss.textContent = texts.dismiss ?? "×";
  box.append(`${texts.refused}`, entries, dismiss);

  function all() {
    return [...kept(prefix), ...loose.values()];
  }

  function draw() {
    const found = all();
    box.hidden = !found.length;
    entries.textContent = "";
    for (const { text, why } of found) {
      const entry = document.createElement("li");
      entry.append(quote(text), why ? ` ${why}` : "");
      entries.append(entry);
    }
  }

  // Returns when it is kept: what is let go `before` makes room where there is none.
  function add({ key }, text, why, before = () => {}) {
    const entry = { key, text, why };
    const isKept = () => keep(prefix + key, entry);
    if (isKept()) before();
    else {
      before();
      if (!isKept()) loose.set(key, entry);
    }
    draw();
  }

  on(dismiss, "click", () => {
    for (const { key } of all()) release(prefix + key);
    loose.clear();
    draw();
    part(".new-todo").focus();
  });
  // Another tab may have got more of them, or dismissed them.
  on(window, "storage", draw);
  part(".add").after(box);
  draw();
  return add;
}
