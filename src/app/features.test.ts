import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { eventTable } from '../api/events.ts';
import type { Node, Section } from '../config/option.ts';
import { schema } from '../config/schema.ts';
import { refusals } from '../lib/errors.ts';
import { metricTable } from '../observe/metric-table.ts';
import { features, routes } from './features.ts';

type Rows = Readonly<Record<string, Node>>;

suite('every feature', () => {
  for (const { name, adds, ...feature } of features) {
    test(`what ${name} adds is in the tables of the core`, () => {
      for (const [path, row] of Object.entries(adds.settings ?? {})) {
        const inTable = path.split('.').reduce((node: Node, key) => (node as Section<Rows>).children[key]!, schema);
        assert.equal(inTable, row, path);
      }
      const tables = [
        [adds.refusals, refusals],
        [adds.metrics, metricTable],
        [adds.events, eventTable],
      ] as const;
      for (const [rows = {}, table] of tables) {
        for (const [key, row] of Object.entries(rows))
          assert.equal((table as unknown as Record<string, unknown>)[key], row, key);
      }
    });

    test(`the routes of ${name} are in the table`, () => {
      for (const route of feature.routes) assert.ok(routes.includes(route), route.path);
    });
  }

  test('has a name that no other one has', () => {
    assert.equal(new Set(features.map(({ name }) => name)).size, features.length);
  });
});

test('no two routes have the same method and path', () => {
  const names = routes.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});
