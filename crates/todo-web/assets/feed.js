// Hears what was saved. A browser has six connections, so one tab leads: it listens for the lists of all.
// One that wakes, or hears nothing, claims the next term, and whoever led gives way: plain http has no locks,
// and a suspended tab keeps them. Where tabs cannot talk, each listens while it is visible.

import { onWaking, stream } from "./stream.js";

const MOST_LISTS = 32;
// How long a tab bears silence. Hidden ones leave it to the visible.
const SILENCE_MS = 30_000;
const HIDDEN_MS = 10_000;
// For tabs to say their lists.
const GATHER_MS = 50;

// Tells `take` of `open`, `error`, and what came after `last`: `saved`, `reset`.
export function follow(list, last, take) {
  const tab = Math.random().toString(36);
  const tabs = window.BroadcastChannel && new BroadcastChannel("todo live");
  const nobody = { term: 0, tab: "" };
  let leader = nobody;
  let isCovered = false;
  let isAway = false;
  let timer;

  // For who leads: the others' lists, those that are heard of, up to where, and how it goes.
  const others = new Map();
  let covered = [];
  let place = last;
  let state = "";
  const address = () => `/live?${new URLSearchParams([...covered.map((name) => ["list", name]), ["after", place]])}`;
  const live = stream(address, ["saved", "reset"], tell);

  const isLeading = () => leader.tab === tab;
  const send = (kind, more) => tabs && tabs.postMessage({ kind, tab, term: leader.term, ...more });
  const here = () => send("here", { list, after: last });

  if (tabs) tabs.onmessage = ({ data: news }) => listen(news);
  onWaking(() => (document.hidden && !isLeading() ? join() : lead()));
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => tabs || (document.hidden && leave()));
  document.addEventListener("freeze", leave);
  if (document.hidden) join();
  else lead();

  function join() {
    isAway = false;
    here();
    wait(0);
  }

  function lead() {
    isAway = false;
    if (document.hidden && !tabs) return;
    leader = { term: leader.term + 1, tab };
    others.clear();
    place = last;
    send("lead");
    gather();
  }

  function gather() {
    live.close();
    covered = [];
    state = "";
    wait(GATHER_MS, () => {
      const lists = new Set([list, ...[...others.values()].reverse()]);
      covered = [...lists].slice(0, MOST_LISTS);
      live.open();
    });
  }

  function tell({ type: kind, lastEventId, data }) {
    const id = Number(lastEventId);
    if (kind === "open" || kind === "error") state = kind;
    else place = kind === "reset" ? id : Math.max(place, id);
    const news = { kind, id, item: kind === "saved" && JSON.parse(data), lists: covered };
    if (kind !== "saved" || others.size) send(kind, news);
    hear(news);
  }

  function listen(news) {
    if (isAway) return;
    const { kind, term, tab: from, to } = news;
    if (isLeading() && kind === "here") return admit(news);
    others.delete(from);
    if (kind === "here") return;
    const age = term - leader.term || from.localeCompare(leader.tab);
    if (kind === "bye") {
      if (age) return;
      leader = nobody;
      return wait(Math.random() * 300);
    }
    // It came later, or slept, and does not know who leads.
    if (age < 0) return isLeading() && kind === "lead" && send("lead");
    if (age > 0) {
      leader = { term, tab: from };
      isCovered = false;
      live.close();
      here();
    }
    wait(SILENCE_MS);
    if (!to || to === tab) hear(news);
  }

  function wait(time, act = lead) {
    clearTimeout(timer);
    timer = setTimeout(act, act === lead && document.hidden ? time + HIDDEN_MS : time);
  }

  function admit({ tab: from, list: theirs, after }) {
    others.delete(from);
    others.set(from, theirs);
    if (state === "open" && covered.includes(theirs)) {
      send("open", { lists: covered, to: from });
      // It may have missed what was told before it listened.
      if (after < place) send("reset", { id: place, to: from });
    } else {
      place = Math.min(place, after);
      gather();
    }
  }

  function hear({ kind, id, item, lists }) {
    if (kind === "open") isCovered = lists.includes(list);
    if (kind === "error" || (kind === "open" && isCovered)) take(kind);
    if (!isCovered || !(kind === "reset" || id > last)) return;
    last = id;
    if (kind === "reset" || item?.list === list) take(kind, item);
  }

  function leave() {
    send("bye");
    isAway = true;
    leader = nobody;
    live.close();
    clearTimeout(timer);
  }
}
