/**
 * The API as the clients in other languages need it: named shapes and operations, without anything of
 * OpenAPI.
 * In: the OpenAPI document. Out: python-client.ts and go-client.ts. Pure.
 */
import { type Described, type OpenApi, type Schema, VAULT } from './open-api.ts';

/** The type of a value. */
export type Type =
  | { readonly kind: 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'unknown' }
  | { readonly kind: 'literals'; readonly values: readonly string[] }
  | { readonly kind: 'list' | 'map'; readonly of: Type }
  /** A shape of the model. */
  | { readonly kind: 'shape'; readonly name: string }
  | { readonly kind: 'union'; readonly of: readonly Type[] };

/** A member of an object. */
export interface Field {
  /** As in JSON. */
  readonly name: string;
  readonly type: Type;
  readonly required: boolean;
  readonly description: string;
}

/** A named type: an object with fields, or another name of a type. */
export type Shape = { readonly name: string; readonly description: string } & (
  | { readonly kind: 'object'; readonly fields: readonly Field[] }
  | { readonly kind: 'alias'; readonly type: Type }
);

/** One operation. Parameters have the type of their texts in the address. */
export interface ApiOperation {
  /** In camel case, as `listStreams`. */
  readonly id: string;
  readonly method: string;
  /** Parameters are written `{name}`. */
  readonly path: string;
  readonly summary: string;
  /** In the order of the path. */
  readonly inPath: readonly Field[];
  readonly query: readonly Field[];
  /** `types`: media types of a file, the usual one first. */
  readonly body: { readonly type: Type } | { readonly types: readonly string[] } | undefined;
  /** `undefined`: nothing. */
  readonly answer: { readonly type: Type } | 'file' | undefined;
}

/** The shapes, the named ones of the document and those inside of them, and the operations. */
export interface ApiModel {
  readonly shapes: readonly Shape[];
  readonly operations: readonly ApiOperation[];
}

/** `next_cursor`, `gop-too-large` -> `NextCursor`, `GopTooLarge`. */
export const pascal = (name: string): string =>
  name
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('');

/**
 * Reads the operations of /api/v1, without those between servers and the streams of events, which are written
 * by hand.
 */
export function readModel(document: OpenApi): ApiModel {
  const shapes: Shape[] = [];
  const names = new Set(Object.keys(document.components.schemas));
  const nameOf = (wanted: string): string => {
    let name = wanted;
    for (let nth = 2; names.has(name); nth++) name = `${wanted}${nth}`;
    names.add(name);
    return name;
  };
  const typeOf = (schema: Schema, inside: string): Type => readType(schema, inside, { shapes, nameOf });
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    const description = schema.description ?? '';
    const fields = fieldsOf(schema, name, typeOf);
    shapes.push(
      fields
        ? { name, description, kind: 'object', fields }
        : { name, description, kind: 'alias', type: typeOf(schema, name) },
    );
  }
  const operations = Object.entries(document.paths)
    .filter(([path]) => path.startsWith('/api/v1/') && path !== '/api/v1/events' && !path.startsWith(VAULT))
    .flatMap(([path, byMethod]) =>
      Object.entries(byMethod).map(([method, described]) => readOperation(method, path, described, typeOf)),
    );
  return { shapes, operations };
}

type TypeOf = (schema: Schema, inside: string) => Type;

function readOperation(method: string, path: string, described: Described, typeOf: TypeOf): ApiOperation {
  const { operationId, summary, parameters = [], requestBody, responses } = described;
  const placed = (place: string): Field[] =>
    parameters
      .filter((parameter) => parameter.in === place)
      .map(({ name, description = '', required = false, schema }) => ({
        name,
        required,
        description: description || (schema.description ?? ''),
        type: typeOf(schema, pascal(operationId) + pascal(name)),
      }));
  const inPath = placed('path');
  const order = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const json = requestBody?.content['application/json']?.schema;
  const types = Object.keys(requestBody?.content ?? {}).toSorted((a, b) => Number(isForm(a)) - Number(isForm(b)));
  const [, answer] = Object.entries(responses).find(([status]) => status.startsWith('2')) ?? [];
  const schema = Object.values(answer?.content ?? {})[0]?.schema;
  const isFile = schema?.format === 'binary';
  return {
    id: operationId,
    method: method.toUpperCase(),
    path,
    summary,
    inPath: order.map((name) => inPath.find((field) => field.name === name)!),
    query: placed('query'),
    body: json ? { type: typeOf(json, `${pascal(operationId)}Body`) } : types.length > 0 ? { types } : undefined,
    answer: isFile
      ? 'file'
      : schema && schema.type !== 'null'
        ? { type: typeOf(schema, `${pascal(operationId)}Answer`) }
        : undefined,
  };
}

const isForm = (type: string) => type.startsWith('multipart/');

interface Naming {
  readonly shapes: Shape[];
  readonly nameOf: (wanted: string) => string;
}

/** The fields of an object with known members; undefined for any other schema. */
function fieldsOf({ type, properties, required = [] }: Schema, inside: string, typeOf: TypeOf): Field[] | undefined {
  if (type !== 'object' || !properties || Object.keys(properties).length === 0) return undefined;
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    required: required.includes(name),
    description: schema.description ?? '',
    type: typeOf(schema, inside + pascal(name)),
  }));
}

/** @param inside name of a shape if the schema has none: that of the shape and the member that it is in */
function readType(schema: Schema, inside: string, naming: Naming): Type {
  const typeOf: TypeOf = (each, name) => readType(each, name, naming);
  if (schema.$ref !== undefined) return { kind: 'shape', name: schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1) };
  if (schema.const !== undefined) return literals([schema.const]);
  if (schema.enum) return literals(schema.enum);
  if (schema.anyOf) return unionOf(schema.anyOf.map((each) => typeOf(each, inside)));
  const fields = fieldsOf(schema, inside, typeOf);
  if (fields) {
    const name = naming.nameOf(inside);
    naming.shapes.push({ name, description: schema.description ?? '', kind: 'object', fields });
    return { kind: 'shape', name };
  }
  const { type, items, additionalProperties } = schema;
  if (type === 'array') return { kind: 'list', of: typeOf(items ?? {}, inside) };
  if (type === 'object') {
    const of = typeof additionalProperties === 'object' ? additionalProperties : {};
    return { kind: 'map', of: typeOf(of, inside) };
  }
  const plain = ['string', 'integer', 'number', 'boolean', 'null'] as const;
  return { kind: plain.find((each) => each === type) ?? 'unknown' };
}

/** Constants that are texts are literals; others have their type. */
function literals(values: readonly unknown[]): Type {
  if (values.every((value) => typeof value === 'string')) return { kind: 'literals', values };
  const [first] = values;
  return { kind: typeof first === 'number' ? 'number' : typeof first === 'boolean' ? 'boolean' : 'unknown' };
}

/** Literals of a union are one; a union of one is that one. */
function unionOf(types: readonly Type[]): Type {
  const values = types.flatMap((type) => (type.kind === 'literals' ? type.values : []));
  const others = types.filter(
    (type, index) =>
      type.kind !== 'literals' && types.findIndex((each) => JSON.stringify(each) === JSON.stringify(type)) === index,
  );
  const of: Type[] = values.length > 0 ? [{ kind: 'literals', values }, ...others] : others;
  return of.length === 1 ? of[0]! : { kind: 'union', of };
}
