// Shows what /openapi.json says, and sends what a reader wants to try. Texts are only ever set as text.

const api = await (await fetch("/openapi.json")).json();

/** An element with attributes and what is in it. */
function make(name, attributes = {}, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  element.append(...content.filter((part) => part !== undefined && part !== ""));
  return element;
}

/** What a reference in the document stands for. */
function resolve(value) {
  const path = value?.$ref?.slice(2).split("/");
  return path ? resolve(path.reduce((part, key) => part[key], api)) : value;
}

/** A schema with its references replaced, to be read. */
function whole(value) {
  value = resolve(value);
  if (Array.isArray(value)) return value.map(whole);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, whole(part)]));
}

/** What to send as a first try. */
function sample(content) {
  const schema = resolve(content.schema) ?? {};
  return content.example ?? schema.examples?.[0] ?? schema.example ?? {};
}

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** A text whose words in backticks are code, and a link if they are a document that is here. */
const marked = (text) => text.split("`").map((part, index) => (index % 2 ? code(part) : part));
const documents = { "docs/problems.md": "/docs/problems" };
function code(text) {
  const shown = make("code", {}, text);
  return text in documents ? make("a", { href: documents[text] }, shown) : shown;
}

/** What this page says by itself, in the reader's language. */
const isKorean = navigator.language.startsWith("ko");
const say = (english, korean) => make("span", { lang: isKorean ? "ko" : "en" }, isKorean ? korean : english);

/** A text in paragraphs, as it stands in the document. */
const paragraphs = (text = "") => text.split("\n\n").filter(Boolean).map((part) => make("p", {}, ...marked(part)));

function field(id, name, control, about) {
  control.id = id;
  const row = make("div", { class: "field" }, make("label", { for: id }, name), control);
  if (about) {
    control.setAttribute("aria-describedby", `${id}-about`);
    row.append(make("small", { id: `${id}-about` }, ...marked(about)));
  }
  return row;
}

/** The fields of an operation's form: its parameters, and its body if it has one. */
function fields(operation) {
  const id = operation.operationId;
  const rows = (operation.parameters ?? []).map(resolve).map((parameter) => {
    const input = make("input", { name: `${parameter.in} ${parameter.name}`, spellcheck: "false" });
    input.required = parameter.required === true;
    if (parameter.required && parameter.example) input.value = parameter.example;
    if (!parameter.required && parameter.example) input.placeholder = parameter.example;
    const name = parameter.required ? `${parameter.name} *` : parameter.name;
    return field(`${id}-${parameter.in}-${parameter.name}`, name, input, parameter.description);
  });
  const content = Object.entries(resolve(operation.requestBody)?.content ?? {});
  if (content.length > 0) {
    const kinds = content.map(([kind]) => make("option", {}, kind));
    rows.push(field(`${id}-kind`, "Content-Type", make("select", { name: "kind" }, ...kinds)));
    const body = make("textarea", { name: "body", spellcheck: "false" });
    body.value = written(sample(content[0][1]));
    rows.push(field(`${id}-body`, "Body", body));
  }
  return rows;
}

/** The request that a form describes. */
function request(method, path, form) {
  const query = new URLSearchParams();
  const headers = new Headers();
  const token = document.getElementById("token").value;
  if (token) headers.set("authorization", `Bearer ${token}`);
  const given = new FormData(form);
  for (const [name, value] of given) {
    const [place, ...rest] = name.split(" ");
    const key = rest.join(" ");
    if (place === "path") path = path.replace(`{${key}}`, encodeURIComponent(value));
    if (value === "") continue;
    if (place === "query") query.set(key, value);
    if (place === "header") headers.set(key, value);
    if (name === "kind") headers.set("content-type", value);
  }
  const address = query.size > 0 ? `${path}?${query}` : path;
  return [address, { method: method.toUpperCase(), headers, body: given.get("body") ?? undefined }];
}

/** Sends it, and shows the answer as it came. */
async function send(method, path, form, output) {
  const [address, options] = request(method, path, form);
  try {
    const answer = await fetch(address, options);
    const text = await answer.text();
    const head = [`${answer.status} ${answer.statusText}`];
    for (const [name, value] of answer.headers) head.push(`${name}: ${value}`);
    const isJson = /\bjson\b/.test(answer.headers.get("content-type") ?? "");
    const body = text && isJson ? written(JSON.parse(text)) : text;
    output.replaceChildren(make("pre", {}, `${options.method} ${address}`), make("pre", {}, `${head.join("\n")}\n\n${body}`));
  } catch (error) {
    output.replaceChildren(make("pre", {}, `no answer: ${error.message}`));
  }
}

/** How an operation may be answered. */
function answers(operation) {
  const rows = Object.entries(operation.responses).map(([status, reference]) => {
    const answer = resolve(reference);
    const about = make("td", {}, ...marked(answer.description));
    const names = Object.keys(answer.headers ?? {});
    if (names.length > 0) about.append(make("div", {}, make("small", {}, `headers: ${names.join(", ")}`)));
    for (const [kind, content] of Object.entries(answer.content ?? {})) {
      const examples = Object.values(content.examples ?? {}).map((example) => resolve(example).value);
      const shown = examples.length > 0 ? examples : [sample(content), whole(content.schema)];
      const parts = shown.map((part) => make("pre", {}, written(part)));
      about.append(make("details", {}, make("summary", {}, kind), ...parts));
    }
    return make("tr", {}, make("td", {}, status), about);
  });
  return make("table", {}, make("tbody", {}, ...rows));
}

function operation(path, method, what) {
  const output = make("output", { "aria-live": "polite" });
  const form = make("form", {}, ...fields(what), make("button", {}, say("Send", "보내기")), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(method, path, form, output);
  });
  return make("details", { class: "operation", id: what.operationId },
    make("summary", {}, make("b", { class: `method ${method}` }, method.toUpperCase()), make("code", {}, path), make("span", {}, what.summary)),
    make("div", {}, ...paragraphs(what.description), make("h3", {}, say("Try it", "시험해 보기")), form, make("h3", {}, say("Answers", "응답")), answers(what)));
}

document.getElementById("about").append(...paragraphs(api.info.description));
const methods = ["get", "post", "put", "patch", "delete"];
const all = Object.entries(api.paths).flatMap(([path, item]) =>
  methods.filter((method) => method in item).map((method) => [path, method, item[method]]));
document.getElementById("access").hidden = !all.some(([, , what]) => what.security);
const page = document.getElementById("operations");
for (const tag of api.tags) {
  const tagged = all.filter(([, , what]) => what.tags?.includes(tag.name));
  if (tagged.length === 0) continue;
  page.append(make("h2", {}, tag.name), make("p", {}, ...marked(tag.description)), ...tagged.map((one) => operation(...one)));
}
document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
