// Hears what was saved. All tabs of a browser share one connection: whoever has the lock listens for
// the others, and when that tab is closed, the next one goes on where it is.

export function follow(address, last, take) {
  const tabs = new BroadcastChannel(`todo ${address}`);
  let source;
  const tell = ({ type: kind, lastEventId, data }) => {
    const news = { kind, id: Number(lastEventId), item: data && JSON.parse(data) };
    tabs.postMessage(news);
    take(news);
  };
  tabs.onmessage = ({ data: news }) => {
    if (news.kind !== "here") take(news);
    // A tab that came later may have missed what was told before it listened.
    else if (source && news.after < last()) tabs.postMessage({ kind: "reset", id: last() });
  };
  tabs.postMessage({ kind: "here", after: last() });
  const lead = () => {
    listen();
    return new Promise(() => {});
  };
  if (navigator.locks) navigator.locks.request(`todo ${address}`, lead);
  else lead();

  function listen() {
    source = new EventSource(`${address}&after=${last()}`);
    for (const kind of ["open", "error", "saved", "reset"]) source.addEventListener(kind, tell);
    source.onerror = () => {
      // After an answer that was no stream, a browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    };
  }
}
