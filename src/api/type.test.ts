import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type as Typebox } from 'typebox';
import { Type } from './type.ts';

/** A schema that uses everything, made by either builder. */
function sample(T: typeof Type): object {
  const visibility = T.Union([T.Literal('public'), T.Literal('private')], { default: 'public' });
  return T.Object(
    {
      name: T.String({ pattern: '^[a-z]+$', description: 'a name' }),
      size: T.Integer({ minimum: 0 }),
      share: T.Number(),
      on: T.Boolean(),
      visibility,
      maybe: T.Optional(visibility),
      since: T.Union([T.String({ format: 'date-time' }), T.Null()]),
      items: T.Array(T.Object({ port: T.Literal(8080) }), { maxItems: 3 }),
      free: T.Unsafe({ type: 'object', additionalProperties: { type: 'string' } }),
      none: T.Object({}, { additionalProperties: false }),
    },
    { $id: 'Sample' },
  );
}

test('the builder makes the same JSON Schema as typebox, whose types it borrows', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(sample(Type))), JSON.parse(JSON.stringify(sample(Typebox))));
});

test('a member made optional is still required where the same schema is used elsewhere', () => {
  const { required } = sample(Type) as { required: string[] };
  assert.ok(required.includes('visibility'));
  assert.ok(!required.includes('maybe'));
});
