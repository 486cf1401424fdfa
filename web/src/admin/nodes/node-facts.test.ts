import assert from 'node:assert/strict';
import { test } from 'node:test';
import '../../text/admin.ts';
import { text } from '../../text/text.ts';
import { isStranded, ownedText } from './node-facts.ts';

const inEnglish = (owns: Parameters<typeof ownedText>[0]) => ownedText(owns, (key, values) => text('en', key, values));
const nothing = { streams: 0, rooms: 0, assets: 0, uploads: 0 };

test('a node owns what it has any of, in one order', () => {
  const owns = { ...nothing, uploads: 1, streams: 12 };
  assert.equal(inEnglish(owns), 'Streams: 12 · Uploads: 1');
  assert.equal(inEnglish(nothing), '');
});

test('only a dead node that owns something needs attention', () => {
  const owns = { ...nothing, rooms: 1 };
  assert.equal(isStranded({ state: 'dead', owns }), true);
  assert.equal(isStranded({ state: 'dead', owns: nothing }), false);
  assert.equal(isStranded({ state: 'draining', owns }), false);
});
