// Adds an item, lists, changes and deletes it, by the types that openapi-typescript made of the API's document.
import createFetch from "openapi-fetch";
import type { components, paths } from "./todo.js";

declare const process: { argv: string[] };

type Item = components["schemas"]["Item"];

const client = createFetch<paths>({ baseUrl: process.argv[2] });
const Prefer = "wait=20";

function expect(holds: boolean, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

const accepted = await client.POST("/todo", {
  params: { query: { list: "work" } },
  body: { item: "write" },
});
expect(accepted.response.status === 202 && accepted.data?.list === "work", accepted);

const added = await client.POST("/todo", {
  params: { header: { Prefer } },
  body: { item: "buy milk" },
});
expect(added.response.status === 201 && added.data !== undefined, added);
const { id, version } = added.data as Item;

const page = await client.GET("/todo", { params: { query: { limit: 10 } } });
expect(page.data?.items.length === 1 && page.data.items[0]?.id === id, page);

const ifMatch = `"${version}"`;
const done = await client.PATCH("/todo/{id}", {
  params: { path: { id }, header: { Prefer, "If-Match": ifMatch } },
  body: { completed: true, order: 1 },
});
expect(done.response.status === 200, done);
expect((done.data as Item).completed && (done.data as Item).order === 1, done);

const late = await client.PATCH("/todo/{id}", {
  params: { path: { id }, header: { "If-Match": ifMatch } },
  body: { completed: false },
});
expect(late.error?.type === "/problems/precondition-failed", late);

const gone = await client.DELETE("/todo/{id}", { params: { path: { id }, header: { Prefer } } });
expect(gone.response.status === 204, gone);
const missing = await client.GET("/todo/{id}", { params: { path: { id } } });
expect(missing.error?.status === 404, missing);

const todo = await client.POST("/lists/{list}/todos", {
  params: { path: { list: "home" } },
  body: { title: "sweep" },
});
expect(todo.response.status === 201 && todo.data?.title === "sweep", todo);
