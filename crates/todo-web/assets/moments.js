// Tells moments by the visitor's clock and language. Ages stay as they are:
// the clock may be wrong.

const { lang } = document.documentElement;
const spoken = navigator.languages?.find((name) => name.split("-")[0] === lang) ?? lang;
const plain = new Intl.DateTimeFormat(spoken, { dateStyle: "long", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(spoken, { dateStyle: "long", timeStyle: "long" });

export function tellMoments(root) {
  for (const moment of root.querySelectorAll("time[datetime]")) {
    const at = new Date(moment.dateTime);
    if (isNaN(at)) continue;
    moment.title = exact.format(at);
    if (moment.textContent.endsWith(" UTC")) moment.textContent = plain.format(at);
  }
}

tellMoments(document);
