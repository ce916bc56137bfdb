// The changes made here that are not known to be saved. The browser keeps them until they are, or until
// the server has said why not.

import { keep, kept, read, release } from "./keep.js";
import { sweep } from "./stream.js";

// How long an accepted change is shown against a newer state of its item, and a new item of which
// nothing is heard after a reload: it may have been saved and deleted.
const DOUBT_MS = 5000;
const GRACE_MS = 600_000;
// For an answer; twice as long after each time that there was none.
const SHORTEST_MS = 5000;
const LONGEST_MS = 20_000;

// The latest time that a key can hold.
const LAST = 2 ** 48 - 1;
let latest = 0;

// A UUID of version 7: keys sort by time. Sent twice under one key, a change is made once. The clock
// may be wrong by years, and be put right meanwhile: no key is before an earlier one.
export function newKey() {
  const now = Math.trunc(Date.now()) || 0;
  latest = Math.min(Math.max(now, latest + 1), LAST);
  const bytes = new Uint8Array(9);
  try {
    crypto.getRandomValues(bytes);
  } catch {
    bytes.forEach((_, at) => (bytes[at] = Math.random() * 256));
  }
  const time = latest.toString(16).padStart(12, "0");
  const hex = time + Array.from(bytes, (byte) => (256 + byte).toString(16).slice(1)).join("");
  return hex.replace(/(.{8})(.{4})(...)(...)(.{12})/, "$1-$2-7$3-8$4-$5");
}

const timeOf = (key) => parseInt(key.replace("-", "").slice(0, 12), 16) || 0;

// `known` has the items as they are saved.
export function makeOutbox(list, known, { changed, refused, foreign }) {
  const prefix = `todo ${list} `;
  const nameOf = ({ key }) => prefix + key;
  const changes = new Set(kept(prefix));
  let isSending, isStuck, retry;
  let patience = SHORTEST_MS;
  // Which of those that may be sent is, and which when the first is not let through.
  let at = 0;
  let probe = 1;
  for (const change of changes) {
    latest = Math.max(latest, timeOf(change.key));
    // What the clock said then says nothing now.
    if (change.accepted) Object.assign(change, { accepted: performance.now(), isOld: true });
  }

  const forget = (change) => release(nameOf(change)) ?? changes.delete(change);

  // Takes what is done, and what the item has then. Of two about the same the later counts.
  function put(verb, id, effect) {
    const [about] = Object.keys(effect);
    for (const old of [...changes, ...kept(prefix)]) if (old.id === id && old.about === about) forget(old);
    const key = about === "id" ? id : newKey();
    const change = { key, verb, id, about, effect, version: known.get(id)?.version ?? 0 };
    changes.add(change);
    // If there is no room, it lives as long as the page.
    change.isLoose = !keep(nameOf(change), change);
    changed();
    send();
  }

  // All items, as they will be, without what is saved by now.
  function items() {
    const all = new Map(known);
    const now = performance.now();
    let end = 0;
    for (const { order } of known.values()) end = Math.max(end, order);
    for (const change of changes) {
      const { id, about, effect, accepted } = change;
      const item = known.get(id);
      const state = isStuck && !accepted ? "waiting" : "saving";
      // What somebody else deleted must not take along what was typed here.
      if (about === "item" && item?.deleted && !isDeletedHere(id)) refused(change, null, () => forget(change));
      else if (isOver(change, item, now)) forget(change);
      else if (all.has(id) || effect.id) {
        const next = { ...all.get(id), ...effect, state };
        // It will be stored after those that are, whatever the clock says here.
        if (effect.id) next.order = end + 0.001;
        if (effect.id || about === "order") next.isGuess = about === "id";
        end = Math.max(end, next.order);
        all.set(id, next);
      }
    }
    return [...all.values()].filter(({ deleted }) => !deleted);
  }

  function isDeletedHere(id) {
    return [...changes].some((change) => change.id === id && change.effect.deleted);
  }

  // Tells whether nothing more is to be heard of a change.
  function isOver({ key, about, effect, version, accepted, isOld }, item, now) {
    if (item && (item.cause === key || effect.id)) return true;
    if (!accepted) return false;
    if (about === "id") return isOld && accepted < now - GRACE_MS;
    const isNewer = !item || item.version > version;
    return isNewer && (item?.[about] === effect[about] || accepted < now - DOUBT_MS);
  }

  // The first change of each item: what comes after it may need it.
  function firsts() {
    const found = new Map();
    for (const change of changes) if (!change.accepted && !found.has(change.id)) found.set(change.id, change);
    return [...found.values()];
  }

  // Sends one after the other, in their order.
  async function send() {
    const waiting = firsts();
    if (isSending) return;
    clearTimeout(retry);
    if (!waiting.length) return foreign(false);
    isSending = true;
    const change = waiting[at] ?? waiting[(at = 0)];
    const { answer, why, status, isOurs, isLate } = await post(change);
    isStuck = !["accepted", "refused", "gone"].includes(answer);
    foreign(isStuck && !isOurs && status < 500 && ![408, 429].includes(status));
    if (answer === "refused" && changes.has(change)) refused(change, why, () => forget(change));
    else if (answer === "accepted") settle(change);
    else if (!isStuck) forget(change);
    changed();
    setTimeout(changed, DOUBT_MS + 100);
    const isNew = isLate && patience === SHORTEST_MS;
    if (isLate) await revive();
    else if (status) patience = SHORTEST_MS;
    isSending = false;
    if (!isNew && isOverForNow(firsts().length)) {
      retry = setTimeout(send, 2000 + Math.random() * 2000);
    } else send();
  }

  // The connection is dead, and so are others that the browser keeps, and the stream.
  async function revive() {
    await sweep(patience / 4);
    patience = Math.min(2 * patience, LONGEST_MS);
    dispatchEvent(new Event("online"));
  }

  // Something on the way, or the server, may let pass all but one. So when the first is not let through,
  // that of another item is tried, and after a pause the first and yet another.
  function isOverForNow(left) {
    if (!isStuck && (!at || at < left)) return false;
    if (isStuck && !at && left > 1) {
      at = probe < left ? probe : 1;
      return false;
    }
    probe = isStuck && at ? at + 1 : 1;
    at = 0;
    return true;
  }

  // It is kept until it is saved, for a page that is loaded meanwhile.
  function settle(change) {
    change.accepted = performance.now();
    if (read(nameOf(change))) keep(nameOf(change), change);
  }

  // Takes no answer for the server's that does not name the change: a portal, a sign-in page or a proxy
  // may answer in its place. Such a change waits.
  async function post(change) {
    const { key, verb, id, effect } = change;
    if (change.isLoose) change.isLoose = !keep(nameOf(change), change);
    // Another tab may have sent it, or put something else in its place.
    const stored = change.isLoose ? change : read(nameOf(change));
    if (!stored) return { answer: "gone" };
    if (stored.accepted) return { answer: "accepted" };
    const body = new URLSearchParams({ ...effect, list, key });
    // It may not be saved yet, and will be.
    if ([...changes].some((other) => other.key === id)) body.set("unsaved", "");
    const address = verb === "new" ? "/new" : `/items/${id}/${verb}`;
    const headers = { "Todo-Change": key };
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), patience);
    let status;
    try {
      const options = { method: "POST", body, headers, redirect: "manual", signal: stop.signal };
      const answer = await fetch(address, options);
      status = answer.status;
      const said = await answer.json();
      if (said.change === key) return { ...said, isOurs: true, status };
    } catch {
      // What cannot be read is no answer.
    } finally {
      clearTimeout(late);
    }
    return { answer: "later", status, isLate: stop.signal.aborted };
  }

  // What is only here would be gone with the page.
  window.addEventListener("beforeunload", (event) => {
    if (![...changes].some(({ isLoose, accepted }) => isLoose && !accepted)) return;
    event.preventDefault();
    event.returnValue = true;
  });

  return { put, items, send, isEmpty: () => items() && !changes.size };
}
