// What the browser keeps. Where site data is blocked there is no such thing, and it may be full.

function storage() {
  try {
    return window.localStorage ?? {};
  } catch {
    return {};
  }
}

// What is kept under a name; nothing if it cannot be read.
export function read(name) {
  try {
    return JSON.parse(storage()[name]);
  } catch {
    return null;
  }
}

// What is kept under names that begin so and go on with a key, in the order of the keys. (The name of
// another list may begin alike, and keys are of one length.)
export function kept(prefix) {
  const isOurs = (name) => name.slice(0, -36) === prefix;
  return Object.keys(storage()).filter(isOurs).sort().map(read).filter((value) => value?.key);
}

// Tells whether it is kept.
export function keep(name, value) {
  try {
    window.localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function release(name) {
  try {
    window.localStorage.removeItem(name);
  } catch {
    // Then it is not there either.
  }
}
