// A stream that does not die in silence: no browser tells of a connection that only seems to live.

// The server says each 15 s that all is well.
const SILENCE_MS = 25_000;
// For an answer.
const SHORTEST_MS = 4000;
const LONGEST_MS = 15_000;

// `tell` hears `open`, `error` and events of these kinds.
export function stream(address, kinds, tell) {
  let source, timer;
  let turn = 0;
  let patience = SHORTEST_MS;
  return { open, close };

  function open() {
    close();
    source = new EventSource(address());
    wait(lose, patience);
    const hear = (event) => {
      patience = SHORTEST_MS;
      wait(lose, SILENCE_MS);
      tell(event);
    };
    for (const kind of ["open", "beat", ...kinds]) source.addEventListener(kind, hear);
    source.onerror = (event) => {
      close();
      // Not all at the same moment.
      wait(open, 1000 + Math.random() * 1000);
      tell(event);
    };
  }

  function close() {
    turn++;
    clearTimeout(timer);
    source?.close();
  }

  function wait(act, time) {
    clearTimeout(timer);
    timer = setTimeout(act, time);
  }

  async function lose() {
    close();
    tell({ type: "error" });
    const lost = turn;
    await sweep(patience / 2);
    patience = Math.min(2 * patience, LONGEST_MS);
    if (turn === lost) open();
  }
}

// Frees dead connections: the browser would try one after the other.
export function sweep(time) {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), time);
  const how = { method: "HEAD", cache: "no-store", signal: abort.signal };
  const tries = Array.from({ length: 6 }, (_, number) => fetch(`/favicon.svg?${number}`, how));
  return Promise.all(tries.map((asked) => asked.catch(() => {})));
}

// Acts when the page, the device or the network was away.
export function onWaking(act) {
  addEventListener("online", act);
  addEventListener("pageshow", ({ persisted }) => persisted && act());
  document.addEventListener("resume", act);
  document.addEventListener("visibilitychange", () => document.hidden || act());
}
