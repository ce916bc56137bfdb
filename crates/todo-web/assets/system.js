// Shows the system as it is pushed.

import { tellMoments } from "./moments.js";
import { onWaking, stream } from "./stream.js";

const part = (name) => document.querySelector(`[data-${name}]`);
const shown = part("system");
const live = stream(() => shown.dataset.system, ["picture"], ({ type: kind, data }) => {
  if (kind === "picture") {
    const fresh = document.createElement("div");
    fresh.innerHTML = data;
    tellMoments(fresh);
    patch(shown, fresh);
  }
  tell(kind !== "error");
});

const look = () => (document.hidden ? live.close() : live.open());
look();
onWaking(look);
document.addEventListener("visibilitychange", () => document.hidden && look());
addEventListener("pagehide", live.close);

function tell(connected) {
  part("as-of").hidden = true;
  part("online").hidden = !connected;
  part("offline").hidden = connected;
}

// Keeps what is there: scrolled, selected, focused.
function patch(old, fresh) {
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  after.forEach((node, index) => {
    const known = before[index];
    if (!known) old.append(node);
    else if (known.nodeName !== node.nodeName) known.replaceWith(node);
    else if (node.attributes) {
      for (const { name } of [...known.attributes]) known.toggleAttribute(name, node.hasAttribute(name));
      for (const { name, value } of node.attributes) known.setAttribute(name, value);
      patch(known, node);
    } else if (known.nodeValue !== node.nodeValue) known.nodeValue = node.nodeValue;
  });
  for (const node of before.slice(after.length)) node.remove();
}
