// The changes made here that are not known to be saved. The browser keeps them until they are accepted.

// How long an accepted change is shown against a newer state of its item.
const DOUBT_MS = 5000;

// A UUID of version 7: keys sort by time. Sent twice under one key, a change is made once.
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  const time = `0${Date.now().toString(16)}`;
  const hex = time + Array.from(bytes, (byte) => (256 + byte).toString(16).slice(1)).join("");
  return hex.replace(/(.{8})(.{4})(...)(...)(.{12})/, "$1-$2-7$3-8$4-$5");
}

// `known` has the items as they are saved.
export function makeOutbox(list, known, changed, refused) {
  const prefix = `todo ${list} `;
  // The name of another list may begin alike, and keys are of one length.
  const isOurs = ([name]) => name.slice(0, -36) === prefix;
  const kept = () => Object.entries(localStorage).filter(isOurs).sort().map(([, text]) => JSON.parse(text));
  const changes = new Set(kept());
  let isSending, isStuck, retry;

  const release = ({ key }) => localStorage.removeItem(prefix + key);
  const forget = (change) => release(change) ?? changes.delete(change);

  // Takes what is done, and what the item has then. Of two about the same the later counts.
  function put(verb, id, effect) {
    const [about] = Object.keys(effect);
    for (const old of [...changes, ...kept()]) if (old.id === id && old.about === about) forget(old);
    const key = about === "id" ? id : newKey();
    const change = { key, verb, id, about, effect, version: known.get(id)?.version ?? 0 };
    changes.add(change);
    try {
      localStorage[prefix + key] = JSON.stringify(change);
    } catch {
      change.isLoose = true; // There is no room: it lives as long as the page.
    }
    changed();
    send();
  }

  // All items, as they will be, without what is saved by now.
  function items() {
    const all = new Map(known);
    let end = 0;
    for (const { order } of known.values()) end = Math.max(end, order);
    for (const change of changes) {
      const { key, id, about, effect, version, accepted } = change;
      const item = known.get(id);
      const isNewer = item ? item.version > version : about !== "id";
      const isDone = item?.[about] === effect[about] || accepted < Date.now() - DOUBT_MS;
      const state = isStuck && !accepted ? "waiting" : "saving";
      const isSaved = item && (item.cause === key || effect.id);
      if (isSaved || (accepted && isNewer && isDone)) forget(change);
      else if (all.has(id) || effect.id) {
        const next = { ...all.get(id), ...effect, state };
        // It will be stored after those that are.
        if (effect.id) next.order = Math.max(next.order, end + 0.001);
        end = Math.max(end, next.order);
        all.set(id, next);
      }
    }
    return [...all.values()].filter(({ deleted }) => !deleted);
  }

  // In their order.
  async function send() {
    const change = [...changes].find(({ accepted }) => !accepted);
    if (isSending || !change) return;
    clearTimeout(retry);
    isSending = true;
    const answer = await post(change);
    isSending = false;
    isStuck = answer === "later";
    change.accepted = answer === "accepted" && Date.now();
    if (change.accepted) release(change);
    else if (!isStuck) forget(change);
    if (answer === "refused") refused(change.effect.item);
    changed();
    setTimeout(changed, DOUBT_MS + 100);
    if (isStuck) retry = setTimeout(send, 2000 + Math.random() * 2000);
    else send();
  }

  async function post({ key, verb, id, effect, isLoose }) {
    // Another tab may have sent it, or put something else in its place.
    if (!isLoose && !(prefix + key in localStorage)) return "gone";
    const body = new URLSearchParams({ ...effect, list, key });
    // It may not be saved yet, and will be.
    if (!known.has(id)) body.set("unsaved", "");
    const address = verb === "new" ? "/new" : `/items/${id}/${verb}`;
    const signal = AbortSignal.timeout(10_000);
    const asked = fetch(address, { method: "POST", body, redirect: "manual", signal });
    const { type, status = 503 } = await asked.catch(() => ({}));
    if (type === "opaqueredirect") return "accepted";
    return status < 500 && ![408, 429].includes(status) ? "refused" : "later";
  }

  return { put, items, send };
}
