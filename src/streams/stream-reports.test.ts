import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamDefinition } from './definition.ts';
import type { StreamDeps } from './stream-deps.ts';
import { reportMissing } from './stream-reports.ts';

test('an outage has one warning, and one more when its cause changes; the tries of its source are debug lines', () => {
  const lines: string[] = [];
  const write = (level: string) => (fields: { detail: string }) => lines.push(`${level} ${fields.detail}`);
  const log = { warn: write('warn'), debug: write('debug') } as unknown as StreamDeps['log'];
  const definition = { name: 'door', source: { type: 'push' } } as StreamDefinition;
  let missing = '';
  const down = (cause: 'source-down' | 'source-skipped', detail: string) => {
    missing = reportMissing({ log }, definition, { cause, detail }, missing);
  };
  for (const detail of ['refused', 'refused', 'timed out']) down('source-down', detail);
  for (const detail of ['a jump', 'another']) down('source-skipped', detail);
  missing = ''; // media flows
  down('source-down', 'refused');
  assert.deepEqual(lines, [
    ...['warn refused', 'debug refused', 'debug timed out'],
    ...['warn a jump', 'debug another'],
    'warn refused',
  ]);
});
