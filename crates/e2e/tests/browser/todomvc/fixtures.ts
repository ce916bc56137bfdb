// What the suite takes from a file of this name, but each test has a list of its own: here a list
// outlives the browser.

import { TodoPage, test as base } from "./original";

export { expect, expectAllHidden } from "./original";

export const test = base.extend<{ todoPage: TodoPage }>({
  todoPage: async ({ page }, use) => {
    await page.goto(`/lists/${crypto.randomUUID()}`);
    await use(new TodoPage(page));
  },
});
