/**
 * Writes the generated half of the typed client, the clients for Python and Go, and the page of events.
 * In: the OpenAPI document, the tables of events and errors. Out: texts of src/client/made (also for Python
 * and Go) and docs/reference/events.md.
 */
import { type EventType, eventSchema, eventTable, eventTypes } from '../../src/api/events.ts';
import { refusals } from '../../src/lib/errors.ts';
import { readModel } from './api-model.ts';
import { goClient } from './go-client.ts';
import { type Described, type OpenApi, type Schema, VAULT } from './open-api.ts';
import { pythonClient } from './python-client.ts';

export type { OpenApi } from './open-api.ts';

/** The module of the client for Go; programs copy the folder or replace the path. */
const GO_MODULE = '// Made by `npm run generate` from the sources; do not edit.\nmodule oxbow\n\ngo 1.19\n';
const MADE = '// Made by `npm run generate` from the sources; do not edit.\n\n';

/** A schema as a TypeScript type. */
function typeOf(schema: Schema): string {
  if (schema.$id !== undefined) return schema.$id;
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(' | ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  switch (schema.type) {
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
    case 'null':
    case 'string':
      return schema.type;
    case 'array':
      return `(${typeOf(schema.items ?? {})})[]`;
    case 'object':
      return objectType(schema);
    default:
      return 'unknown';
  }
}

function objectType({ properties, required = [], additionalProperties }: Schema): string {
  if (properties && Object.keys(properties).length > 0) {
    const members = Object.entries(properties).map(
      ([name, each]) =>
        `${comment(each.description)}${keyOf(name)}${required.includes(name) ? '' : '?'}: ${typeOf(each)};`,
    );
    return `{\n${members.join('\n')}\n}`;
  }
  const values = typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown';
  return additionalProperties === undefined && properties
    ? 'Record<string, never>'
    : `Readonly<Record<string, ${values}>>`;
}

const keyOf = (name: string): string => (/^\w+$/.test(name) ? name : JSON.stringify(name));
const comment = (text: string | undefined): string => (text ? `/** ${text.replaceAll('*/', '* /')} */\n` : '');

function shapesFile({ components }: OpenApi): string {
  const shapes = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `/** ${schema.description ?? `\`${name}\` of the API.`} */\nexport type ${name} = ${typeOf(schema)};\n`,
  );
  const codes = Object.keys(refusals)
    .map((code) => JSON.stringify(code))
    .join(' | ');
  return `${MADE}/**
 * The shapes of the API's requests and answers.
 * In: the schemas of the routes. Out: types only, no dependencies.
 */

/** The stable codes of problem documents. */
export type ProblemCode = ${codes};

${shapes.join('\n')}`;
}

function eventShapesFile(document: OpenApi): string {
  const rows = eventTypes.map(
    (type) => `/** ${eventTable[type].sentence} */\n'${type}': ${typeOf(eventTable[type].data as Schema)};`,
  );
  return `${MADE}/**
 * The events of oxbow.
 * In: the table of events. Out: types only, no dependencies.
 */
import type { ${namedIn(`${rows.join('\n')} EventType`, document)} } from './shapes.ts';

export type { EventType } from './shapes.ts';

export interface EventDataByType {
${rows.join('\n')}
}

export type OxbowEvent<T extends EventType = EventType> = {
  [Each in T]: {
    /** Sorts by time. */
    readonly id: string;
    readonly type: Each;
    /** RFC 3339, UTC, milliseconds. */
    readonly at: string;
    /** Name of the stream, or null for events about no stream. */
    readonly stream: string | null;
    readonly data: EventDataByType[Each];
  };
}[T];

/**
 * Events of one connection. \`events.reset\`: some events were lost, so the client has to read the state
 * again. \`events.ended\`: the permission of the connection has ended; \`code\` is the error that a new
 * connection would get.
 */
export type ConnectionEvent =
  | {
      readonly id: string;
      readonly type: 'events.ready' | 'events.reset';
      readonly at: string;
      readonly stream: null;
      readonly data: { readonly replayed: number };
    }
  | {
      readonly id: '';
      readonly type: 'events.ended';
      readonly at: string;
      readonly stream: null;
      readonly data: { readonly code: 'watch-expired' | 'watch-refused' | 'unauthorized' };
    };
`;
}

function operationsFile(document: OpenApi): string {
  const methods = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/api/v1/') && path !== '/api/v1/events' && !path.startsWith(VAULT))
    .flatMap(([path, byMethod]) =>
      Object.entries(byMethod).map(([method, operation]) => methodOf(method.toUpperCase(), path, operation)),
    );
  const shapes = namedIn(methods.join('\n'), document);
  return `${MADE}/**
 * A method for each operation of the API.
 * In: parameters of path and query by name, and \`body\`.
 * Out: the server's answer; throws OxbowProblem for errors.
 */
import type { Requester, CallOptions } from '../request.ts';
import type { ${shapes} } from './shapes.ts';

export class Operations {
  readonly #request: Requester;

  /** @param request sends requests */
  constructor(request: Requester) {
    this.#request = request;
  }

${methods.join('\n\n')}
}
`;
}

/** The named shapes that a text uses, as an import lists them. */
function namedIn(text: string, { components }: OpenApi): string {
  const names = Object.keys(components.schemas).filter((name) => new RegExp(`\\b${name}\\b`).test(text));
  return names.toSorted().join(', ');
}

function methodOf(
  method: string,
  path: string,
  { operationId, summary, parameters = [], requestBody, responses }: Described,
): string {
  const body = requestBody?.content['application/json']?.schema;
  const takesFile = requestBody !== undefined && body === undefined;
  const taken = parameters
    .filter((parameter) => parameter.in === 'path' || parameter.in === 'query')
    .toSorted((a, b) => Number(b.in === 'path') - Number(a.in === 'path'))
    .map(
      (parameter) =>
        `${comment(parameter.description)}${keyOf(parameter.name)}${parameter.required ? '' : '?'}: ${typeOf(parameter.schema)};`,
    );
  if (body) taken.push(`body: ${typeOf(body)};`);
  if (takesFile)
    taken.push(`/** A file whose \`type\` is one of: ${Object.keys(requestBody.content).join(', ')}. */\nbody: Blob;`);
  const isNeeded = requestBody !== undefined || parameters.some((parameter) => parameter.required);
  const input = taken.length > 0 ? `input${isNeeded ? '' : '?'}: {\n${taken.join('\n')}\n}, ` : '';
  const [, answer] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? [];
  const schema = Object.values(answer?.content ?? {})[0]?.schema;
  const isFile = schema?.format === 'binary';
  const result = isFile ? 'Response' : schema && schema.type !== 'null' ? typeOf(schema) : 'void';
  const operation = `{ method: '${method}', path: '${path}'${isFile ? ", answer: 'file'" : ''} }`;
  return `/** ${summary} */\n${operationId}(${input}options?: CallOptions): Promise<${result}> {
    return this.#request(${operation}, ${taken.length > 0 ? 'input' : 'undefined'}, options);
  }`;
}

/** docs/reference/events.md. */
export function eventsPage(made: string): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = eventTypes.map((type) => {
    const { audience, sentence } = eventTable[type];
    return `| \`${type}\` | ${audience} | ${cell(sentence)} | ${membersOf(type)} |\n`;
  });
  return `# Events

${made}The events that \`GET /api/v1/events\` (SSE and WebSocket) and webhooks send. [How to subscribe](../8-api/events.md).
\`stream\`: for clients that may see the stream; of an unlisted stream, only for subscribers that name it. \`admin\`: for administrators. \`owner\`: for them and the owner that the data names. \`anyone\`: for all clients.

| type | for | when | data |
| --- | --- | --- | --- |
${rows.join('')}`;
}

function membersOf(type: EventType): string {
  const { properties = {} } = (eventSchema(type) as Schema).properties!.data!;
  return Object.keys(properties)
    .map((name) => `\`${name}\``)
    .join(', ');
}

/** Every generated file of the client by its path from the root. */
export function clientFiles(document: OpenApi): ReadonlyMap<string, string> {
  const model = readModel(document);
  return new Map([
    ['src/client/made/shapes.ts', shapesFile(document)],
    ['src/client/made/event-shapes.ts', eventShapesFile(document)],
    ['src/client/made/operations.ts', operationsFile(document)],
    ['src/client/made/python/oxbow.py', pythonClient(model)],
    ['src/client/made/go/oxbow.go', goClient(model)],
    ['src/client/made/go/go.mod', GO_MODULE],
  ]);
}
