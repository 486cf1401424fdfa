/**
 * Writes each operation of the API where a page calls it: `client.listStreams(query, options)` becomes
 * `client.request({ method, path }, query, options)`. A page then carries the operations that it uses, and not the class with
 * all of them. The published client (`oxbow/client`) and the tests use the class as it is.
 * In: src/client/made/operations.ts and the modules of the pages. Out: a plugin of Vite. The build fails if a
 * module calls an operation in another form.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const file = join(import.meta.dirname, '..', 'src', 'client', 'made', 'operations.ts');

/** The class in its place: it sends what it is given. */
const SMALL = `export class Operations {
  constructor(request) {
    this.request = request;
  }
}`;

/** Methods of the client that are no operations. */
const OTHERS = new Set(['request', 'events', 'pastEvents']);

/**
 * The operations of the generated class, by name: the text of the first arguments of `request`.
 *
 * @param source text of src/client/made/operations.ts
 * @throws Error if it has another form than scripts/client/client-files.ts writes
 */
export function readOperations(source) {
  const bodies = source.matchAll(
    /^ {0,2}(?!constructor)(\w+)\([\s\S]*?\{\n\s*return this\.#request\((\{[^}]*?(?:\{\w+\}[^}]*?)*\}), (input|undefined), options\);/gm,
  );
  const operations = new Map([...bodies].map(([, name, operation, input]) => [name, { operation, input }]));
  const expected = source.match(/return this\.#request\(/g)?.length ?? 0;
  if (operations.size === 0 || operations.size !== expected)
    throw new Error(`${operations.size} of ${expected} operations were read, see web/client-plugin.js`);
  return operations;
}

/**
 * A module of the pages with its calls written out.
 *
 * @param code JavaScript
 * @param operations as `readOperations` returns them
 * @throws Error if an operation is called in another form
 */
export function writeCalls(code, operations) {
  const written = code.replace(/\bclient\s*\.\s*(\w+)\(/g, (call, name) => {
    const operation = operations.get(name);
    if (!operation) return call;
    return `client.request(${operation.operation}, ${operation.input === 'input' ? '' : 'undefined, '}`;
  });
  if (!/\b(askServer|runAction|OxbowClient)\b/.test(code)) return written;
  for (const [call, owner, name] of written.matchAll(/\b(\w+)\s*\.\s*(\w+)\(/g)) {
    const isUnknown = owner === 'client' ? !OTHERS.has(name) : operations.has(name);
    if (isUnknown) throw new Error(`${call} is no call of an operation of \`client\`, see web/client-plugin.js`);
  }
  // The class is not there: an operation that is chosen by its name, or passed on, would be missing in the browser.
  for (const [use, name] of written.matchAll(/\bclient\s*(?:\?\.|\[|\.\s*(\w+)\b(?!\s*\())/g)) {
    if (name === undefined || operations.has(name))
      throw new Error(`${use} is no call of an operation of \`client\`, see web/client-plugin.js`);
  }
  return written;
}

/** The plugin. It comes after the one of Svelte. */
export function clientPlugin() {
  let operations;
  return {
    name: 'client',
    enforce: 'post',
    buildStart() {
      operations = readOperations(readFileSync(file, 'utf8'));
    },
    load(id) {
      return /[/]src[/]client[/]made[/]operations\.ts$/.test(id) ? SMALL : null;
    },
    transform(code, id) {
      if (!/[/]web[/]src[/]/.test(id) || !/\bclient\s*[.?[]/.test(code)) return null;
      return { code: writeCalls(code, operations), map: null };
    },
  };
}
