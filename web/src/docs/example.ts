/**
 * An example value of a schema, for the reader to change.
 * In: a schema. Out: a small value with the required members only. Pure.
 */
import type { Schema } from '../api/document.ts';

/** Example values by the name of the member. */
const BY_NAME: Readonly<Record<string, unknown>> = {
  name: 'door',
  stream: 'door',
  url: 'https://cam.example/live.m3u8',
  at: '2026-11-20T08:00:00Z',
  from: '2026-11-20T08:00:00Z',
  to: '10m',
  text: 'goal',
  label: 'OBS',
};

/**
 * An example.
 *
 * @param schemas the named schemas
 * @param name of the member
 */
export function exampleOf(schema: Schema, schemas: Readonly<Record<string, Schema>>, name = ''): unknown {
  if (schema.$ref !== undefined) {
    const named = schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)];
    return named ? exampleOf(named, schemas, name) : {};
  }
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exampleOf(schema.anyOf[0] ?? {}, schemas, name);
  switch (schema.type) {
    case 'object': {
      const { properties = {}, required = [] } = schema;
      return Object.fromEntries(required.map((each) => [each, exampleOf(properties[each] ?? {}, schemas, each)]));
    }
    case 'array':
      return [];
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return 1;
    case 'null':
      return null;
    default:
      return BY_NAME[name] ?? '…';
  }
}
