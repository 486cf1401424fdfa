/**
 * Builds the JSON Schemas of the API. The TypeScript types are typebox's; its builder is not used at run
 * time, because it would load 200 modules and 10 MiB for the dozen functions below.
 * In: api/shapes and http/routes. Out: plain JSON Schema (draft 2020-12). Pure.
 */
import type { Type as Builder, TSchema } from 'typebox';

/** What of typebox is offered here. */
type Offered =
  | 'Array'
  | 'Boolean'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'String'
  | 'Union'
  | 'Unsafe';

type Schema = Record<string | symbol, unknown>;

/** Marks a member that may be missing; no part of the JSON. */
const optional = Symbol('optional');

const builder = {
  Array: (items: Schema, options?: Schema) => ({ type: 'array', items, ...options }),
  Boolean: (options?: Schema) => ({ type: 'boolean', ...options }),
  Integer: (options?: Schema) => ({ type: 'integer', ...options }),
  Literal: (value: unknown, options?: Schema) => ({ type: typeof value, const: value, ...options }),
  Null: (options?: Schema) => ({ type: 'null', ...options }),
  Number: (options?: Schema) => ({ type: 'number', ...options }),
  Object(properties: Record<string, Schema>, options?: Schema) {
    const required = Object.keys(properties).filter((name) => !properties[name]![optional]);
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options };
  },
  Optional: (schema: Schema) => ({ ...schema, [optional]: true }),
  String: (options?: Schema) => ({ type: 'string', ...options }),
  Union: (anyOf: readonly Schema[], options?: Schema) => ({ anyOf, ...options }),
  Unsafe: (schema: Schema) => schema,
};

/** The builder; its functions are documented by typebox under the same names. */
export const Type = builder as unknown as Pick<typeof Builder, Offered>;

/** A named shape as part of another one: the reference prints it in its place. */
export function inline<S extends TSchema>(schema: S): S {
  return { ...schema, $id: undefined } as unknown as S;
}
