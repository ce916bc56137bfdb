// Shows the system as it is pushed. The page does without this, after a reload.

const part = (name) => document.querySelector(`[data-${name}]`);
const shown = part("system");
let source;

listen();
// Nobody is asked for a picture that nobody looks at.
document.addEventListener("visibilitychange", listen);

function listen() {
  source?.close();
  if (document.hidden) return;
  source = new EventSource(shown.dataset.system);
  source.addEventListener("picture", (event) => {
    const fresh = document.createElement("div");
    fresh.innerHTML = event.data;
    patch(shown, fresh);
    tell(true);
  });
  source.onerror = () => {
    tell(false);
    // After an answer that was no stream, a browser does not try again by itself.
    setTimeout(() => source.readyState === EventSource.CLOSED && listen(), 2000);
  };
}

function tell(connected) {
  part("as-of").hidden = true;
  part("online").hidden = !connected;
  part("offline").hidden = connected;
}

// Keeps what is there: what is scrolled, selected or has the focus stays so, and bars move.
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
