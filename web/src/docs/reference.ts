/**
 * The OpenAPI document prepared for reading: chapters of operations, rows of members, example commands.
 * In: the document. Out: what the page shows. Pure.
 */
import type { ApiDocument, DocumentedOperation, Schema } from '../api/document.ts';
import { exampleOf } from './example.ts';

/** A part of a type's name; `link` names the schema that it leads to. */
export interface TypePiece {
  readonly text: string;
  readonly link: string | null;
}

/** A member or a parameter. */
export interface Row {
  /** With dots for nested members, `[]` for those of a list. */
  readonly name: string;
  readonly type: readonly TypePiece[];
  readonly required: boolean;
  readonly description: string;
}

/** Required access. */
export type Access = 'anyone' | 'viewer' | 'admin';

interface Parameter extends Row {
  readonly place: string;
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly parameters: readonly Parameter[];
  /** Null if it has none. */
  readonly body: readonly TypePiece[] | null;
  readonly answers: readonly { readonly status: string; readonly type: readonly TypePiece[]; readonly words: string }[];
  /** It changes nothing and responds with JSON that ends: the page can send it. */
  readonly canTry: boolean;
  /** An example command. */
  readonly curl: string;
}

interface Chapter {
  readonly name: string;
  readonly operations: readonly Operation[];
}

/** A named schema, or an event type. */
export interface NamedSchema {
  readonly name: string;
  readonly description: string;
  readonly type: readonly TypePiece[];
  /** Empty if it has no members. */
  readonly rows: readonly Row[];
}

/** The whole reference. */
export interface Reference {
  readonly version: string;
  readonly chapters: readonly Chapter[];
  readonly events: readonly NamedSchema[];
  readonly schemas: readonly NamedSchema[];
}

/** Deeper nested members are not shown in place. */
const MAX_DEPTH = 3;

/**
 * Prepares the document.
 *
 * @param origin of the server, for examples
 */
export function readReference(document: ApiDocument, origin: string): Reference {
  const chapters = new Map<string, Operation[]>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const name = operation.tags?.[0] ?? '';
      const read = readOperation(method.toUpperCase(), path, operation, document, origin);
      chapters.set(name, [...(chapters.get(name) ?? []), read]);
    }
  }
  return {
    version: document.info.version,
    chapters: [...chapters].map(([name, operations]) => ({ name, operations })),
    events: Object.entries(document.webhooks ?? {}).map(([name, { post }]) => {
      const data = post.requestBody.content['application/json']?.schema.properties?.data ?? {};
      return { ...shapeOf(name, data), description: post.summary };
    }),
    schemas: Object.entries(document.components.schemas)
      .map(([name, schema]) => shapeOf(name, schema))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** The entries that contain every typed word; empty chapters and lists are removed. */
export function search(reference: Reference, typed: string): Reference {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (...texts: readonly string[]) => {
    const text = texts.join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const names = (rows: readonly Row[]) => rows.map(({ name }) => name).join(' ');
  const shape = ({ name, description, rows }: NamedSchema) => holds(name, description, names(rows));
  return {
    ...reference,
    chapters: reference.chapters
      .map(({ name, operations }) => ({
        name,
        operations: operations.filter(({ id, method, path, summary, parameters }) =>
          holds(name, id, method, path, summary, names(parameters)),
        ),
      }))
      .filter(({ operations }) => operations.length > 0),
    events: reference.events.filter(shape),
    schemas: reference.schemas.filter(shape),
  };
}

/** A type as text; named schemas are links. */
export function typeOf(schema: Schema): TypePiece[] {
  const plain = (text: string): TypePiece[] => [{ text, link: null }];
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
    return [{ text: name, link: name }];
  }
  if (schema.const !== undefined) return plain(JSON.stringify(schema.const));
  if (schema.enum) return plain(schema.enum.map((each) => JSON.stringify(each)).join(' | '));
  if (schema.anyOf) return schema.anyOf.flatMap((each, i) => [...(i > 0 ? plain(' | ') : []), ...typeOf(each)]);
  if (schema.type === 'array') return [...typeOf(schema.items ?? {}), ...plain('[]')];
  return plain(schema.type ?? 'any');
}

function readOperation(
  method: string,
  path: string,
  { operationId, summary, security, parameters = [], requestBody, responses }: DocumentedOperation,
  document: ApiDocument,
  origin: string,
): Operation {
  const body = requestBody?.content['application/json']?.schema;
  const access = accessOf(security);
  const streams = 'text/event-stream' in (responses['200']?.content ?? {});
  const example = body && JSON.stringify(exampleOf(body, document.components.schemas));
  return {
    id: operationId,
    method,
    path,
    summary,
    access,
    parameters: parameters.map(({ name, in: place, required = false, description = '', schema }) => ({
      name,
      place,
      required,
      description,
      type: typeOf(schema),
    })),
    body: body ? typeOf(body) : null,
    answers: Object.entries(responses).map(([status, { description, content = {} }]) => {
      const kinds = Object.keys(content);
      const json = content[kinds.find((kind) => kind.endsWith('json')) ?? ''];
      const type = json && json.schema.type !== 'null' ? typeOf(json.schema) : [];
      const other = kinds.find((kind) => !kind.endsWith('json'));
      return { status, type, words: other === undefined ? description : `${other}: ${description}` };
    }),
    canTry: method === 'GET' && !streams && 'application/json' in (responses['200']?.content ?? {}),
    curl: curlOf(method, origin + path.replace(/\{(\w+)\}/g, (_, name: string) => placeholderOf(path, name)), {
      isAdmin: access === 'admin',
      body: example,
      streams,
    }),
  };
}

/** Without security, or with an optional one: anyone, who may get more with a token. */
function accessOf(security: DocumentedOperation['security']): Access {
  if (!security || security.length === 0) return 'anyone';
  return security.some((way) => Object.keys(way).length === 0) ? 'viewer' : 'admin';
}

function placeholderOf(path: string, name: string): string {
  return name === 'name' && path.includes('/streams/') ? 'door' : `${name.toUpperCase()}`;
}

function curlOf(
  method: string,
  url: string,
  { isAdmin, body, streams }: { isAdmin: boolean; body: string | undefined; streams: boolean },
): string {
  const lines = [`curl ${streams ? '-N ' : ''}${method === 'GET' ? '' : `-X ${method} `}${url}`];
  if (isAdmin) lines.push('-H "Authorization: Bearer $OXBOW_ADMIN_TOKEN"');
  if (body !== undefined) lines.push("-H 'Content-Type: application/json'", `-d '${body.replaceAll("'", "'\\''")}'`);
  return lines.join(' \\\n  ');
}

function shapeOf(name: string, schema: Schema): NamedSchema {
  const { description = '' } = schema;
  return { name, description, type: typeOf(schema), rows: rowsOf(schema, '', 0) };
}

function rowsOf(schema: Schema, prefix: string, depth: number): Row[] {
  if (depth >= MAX_DEPTH) return [];
  const inner = schema.type === 'array' ? schema.items : schema;
  const ways = inner?.anyOf ?? (inner ? [inner] : []);
  const start = schema.type === 'array' && prefix !== '' ? `${prefix.slice(0, -1)}[].` : prefix;
  return ways.flatMap((way) =>
    Object.entries(way.properties ?? {}).flatMap(([name, each]) => [
      {
        name: start + name,
        type: typeOf(each),
        required: way.required?.includes(name) ?? false,
        description: each.description ?? '',
      },
      ...rowsOf(each, `${start}${name}.`, depth + 1),
    ]),
  );
}
