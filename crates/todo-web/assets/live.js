// Shows what is saved as soon as it is. The page does everything without this, after a reload.

// Stands in templates where an item's id goes.
const NOBODY = "00000000-0000-0000-0000-000000000000";

const section = document.querySelector("[data-live]");
if (section) live(section);

function live(section) {
  const { live: address, saving, saved, removed } = section.dataset;
  const list = section.querySelector(".items");
  const empty = section.querySelector(".empty");
  const part = (name) => section.querySelector(`[data-${name}]`);
  let last = Number(section.dataset.after);
  // The newest version of each item that was heard of lately, of those that are gone as well.
  const versions = new Map();

  follow();
  document.querySelector("form.add")?.addEventListener("submit", send);

  // All tabs of a browser share one connection: whoever has the lock listens for the others. When
  // that tab is closed, the next one goes on where it is.
  function follow() {
    const tabs = new BroadcastChannel(`todo ${address}`);
    let leads = false;
    const tell = (news) => {
      tabs.postMessage(news);
      take(news);
    };
    tabs.onmessage = ({ data: news }) => {
      if (news.kind !== "here") take(news);
      // A tab that came later may have missed what was told before it listened.
      else if (leads && news.after < last) tabs.postMessage({ kind: "reset", id: last });
    };
    tabs.postMessage({ kind: "here", after: last });
    const lead = () => {
      leads = true;
      listen(tell);
      return new Promise(() => {});
    };
    if (navigator.locks) navigator.locks.request(`todo ${address}`, lead);
    else lead();
  }

  function listen(tell) {
    const source = new EventSource(`${address}?after=${last}`);
    source.addEventListener("saved", (event) => {
      tell({ kind: "saved", id: Number(event.lastEventId), item: JSON.parse(event.data) });
    });
    source.addEventListener("reset", (event) => {
      tell({ kind: "reset", id: Number(event.lastEventId) });
    });
    source.onopen = () => tell({ kind: "online" });
    source.onerror = () => {
      tell({ kind: "offline" });
      // After an answer that was no stream, a browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000, tell);
    };
  }

  function take(news) {
    if (news.kind === "offline" || news.kind === "online") {
      part("offline").hidden = news.kind === "online";
    } else if (news.kind === "reset") {
      last = news.id;
      refresh();
    } else if (news.id > last) {
      last = news.id;
      hear(news.item);
    }
  }

  // Savers may overtake each other: what is older than what was heard is not shown, or an item that is
  // gone would be back.
  function hear(item) {
    if (item.version <= versions.get(item.id)) return;
    versions.set(item.id, item.version);
    if (versions.size > 5000) versions.delete(versions.keys().next().value);
    meanwhile?.push(item);
    apply(item);
  }

  function apply(item) {
    // A page that was made without the database does not know what else there is.
    if (section.querySelector(".away")) return refresh();
    const old = row(item.id);
    if (old && item.version <= Number(old.dataset.version)) return;
    const known = old && !old.classList.contains("saving");
    const was = known && old.classList.contains("completed");
    if (item.deleted) {
      if (!known) return;
      old.remove();
      count(-1, -was);
    } else {
      // An item that is not shown is either new or one of an earlier page.
      if (!old && item.version > 1) return refresh();
      place(old && isInUse(old) ? patch(old, item) : exchange(old, make(item)));
      count(known ? 0 : 1, item.completed - was);
    }
    empty.hidden = list.childElementCount > 0;
    part("news").textContent = `${item.deleted ? removed : saved}: ${item.item}`;
  }

  // A row that somebody types into or has opened is not taken away from under their hands.
  function isInUse(row) {
    return row.contains(document.activeElement) || row.querySelector("details[open]");
  }

  function patch(row, item) {
    row.querySelector(".text").textContent = item.item;
    row.classList.toggle("completed", item.completed);
    Object.assign(row.dataset, { version: item.version, order: item.order });
    return row;
  }

  function exchange(old, fresh) {
    if (old) {
      fresh.querySelector("time").textContent = old.querySelector("time").textContent;
      old.replaceWith(fresh);
    }
    return fresh;
  }

  function make(item) {
    const blank = section.querySelector(`[data-item=${item.completed ? "done" : "open"}]`);
    const copy = document.createElement("template");
    copy.innerHTML = blank.innerHTML.trim().replaceAll(NOBODY, item.id);
    const row = copy.content.firstElementChild;
    (row.querySelector(".text s") ?? row.querySelector(".text")).textContent = item.item;
    for (const text of row.querySelectorAll("[data-text]")) text.textContent = item.item;
    row.querySelector("[name=item]").setAttribute("value", item.item);
    row.querySelector("time").dateTime = item.addedAt;
    Object.assign(row.dataset, { version: item.version, order: item.order });
    return row;
  }

  function place(row) {
    const order = Number(row.dataset.order);
    const after = [...list.children].find(
      (other) => other !== row && Number(other.dataset.order) > order,
    );
    // Moving a row takes the focus from it, so one that is in its place stays there.
    if (row.parentElement !== list || row.nextElementSibling !== (after ?? null)) {
      list.insertBefore(row, after ?? null);
    }
  }

  function count(items, done) {
    const sums = document.querySelector(".sums");
    if (!sums) return;
    const total = (sums.dataset.total = Number(sums.dataset.total) + items);
    const completed = (sums.dataset.done = Number(sums.dataset.done) + done);
    const numbers = [total, total - completed, completed];
    [...sums.children].forEach((sum, index) => {
      const words = numbers[index] === 1 ? sum.dataset.one : sum.dataset.many;
      sum.textContent = words.replace("#", numbers[index]);
    });
  }

  // Takes the state as a new page shows it. Several in a row are one, and one comes after the other. What
  // is heard while the page is on its way may be newer than it, and is shown again when it is there.
  let isAsked = false;
  let meanwhile = null;
  function refresh(pause = 100 + Math.random() * 400) {
    if (isAsked) return;
    isAsked = true;
    setTimeout(async () => {
      isAsked = false;
      if (meanwhile) return refresh();
      meanwhile = [];
      const page = await fresh();
      const heard = meanwhile;
      meanwhile = null;
      if (!page) return refresh(2000);
      exchangeAll(page);
      heard.forEach(apply);
    }, pause);
  }

  // A new page. One without the database is none: what is shown is better than its nothing.
  async function fresh() {
    const answer = await fetch(location.pathname).catch(() => null);
    const text = answer?.ok ? await answer.text().catch(() => "") : "";
    const page = new DOMParser().parseFromString(text, "text/html");
    return page.querySelector("[data-live]") && !page.querySelector(".away") ? page : null;
  }

  function exchangeAll(page) {
    section.querySelector(".away")?.remove();
    const rows = [...page.querySelectorAll("[data-live] .items > li")];
    const ids = new Set(rows.map((row) => row.id));
    for (const old of [...list.children]) {
      if (!ids.has(old.id) && !old.classList.contains("saving")) old.remove();
    }
    for (const fresh of rows) {
      const old = document.getElementById(fresh.id);
      const item = fresh.querySelector(".text").textContent;
      const completed = fresh.classList.contains("completed");
      if (old && isInUse(old)) {
        place(patch(old, { item, completed, ...fresh.dataset }));
      } else {
        if (old) old.replaceWith(fresh);
        place(fresh);
      }
    }
    const sums = page.querySelector(".sums");
    document.querySelector(".sums")?.remove();
    if (sums) document.querySelector(".top").append(sums);
    empty.hidden = list.childElementCount > 0;
  }

  // Adds without leaving the page. If the server does not accept, the browser sends the form itself, and
  // what is answered is shown. If there is no server, the text stays, with its key: sent again, it makes
  // one item.
  async function send(event) {
    event.preventDefault();
    const form = event.target;
    // As a property, `item` would be the collection's own function.
    const [key, item] = ["key", "item"].map((name) => form.elements.namedItem(name));
    const text = item.value.trim();
    const waiting = make({ id: key.value, item: text, completed: false, version: 0, order: 1e300 });
    waiting.classList.add("saving");
    waiting.querySelector("time").textContent = saving;
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      redirect: "manual",
    }).catch(() => null);
    if (!answer) return void (part("offline").hidden = false);
    if (answer.type !== "opaqueredirect") return form.submit();
    if (!row(key.value)) place(waiting);
    empty.hidden = true;
    form.querySelector(".problem")?.remove();
    key.value = crypto.randomUUID();
    if (item.value.trim() === text) item.value = "";
    item.focus();
  }

  function row(id) {
    return document.getElementById(`item-${id}`);
  }
}
