// Has the official parser of AsyncAPI read a document, compares its examples with their schemas, and
// says what is wrong.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");
const Ajv = require("ajv").default;
const addFormats = require("ajv-formats").default;

// 0 is an error, 1 a warning; the rest is advice.
const WARNING = 1;

function* parsed({ diagnostics }) {
  for (const { severity, message, path, range } of diagnostics) {
    if (severity <= WARNING) {
      yield `line ${range.start.line + 1}, ${path.join(".")}: ${message}`;
    }
  }
}

// The parser leaves this to others since version 3 of the specification.
function* compared(document) {
  const ajv = addFormats(new Ajv({ strict: false }));
  for (const message of document.allMessages()) {
    for (const example of message.examples()) {
      for (const part of ["headers", "payload"]) {
        const [schema, value] = [message[part]()?.json(), example[part]()];
        if (schema !== undefined && value !== undefined && !ajv.validate(schema, value)) {
          yield `${message.id()}, ${part} of ${example.name()}: ${ajv.errorsText()}`;
        }
      }
    }
  }
}

(async () => {
  const result = await new Parser().parse(readFileSync(process.argv[1], "utf8"));
  const faults = [...parsed(result), ...(result.document ? compared(result.document) : [])];
  faults.forEach((fault) => console.error(fault));
  process.exit(result.document && faults.length === 0 ? 0 : 1);
})();
