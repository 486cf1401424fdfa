import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTextKey } from '../text/text.ts';
import { loadHls, noPlayer, playerNotLoaded } from './load-engine.ts';

test('a player that cannot be loaded is a failure, not an exception', async () => {
  const gone = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'));
  assert.equal(await loadHls(gone), null);
});

test('both languages have texts for a player that is not available', () => {
  for (const { code } of [playerNotLoaded, noPlayer]) {
    assert.ok(isTextKey(`failure.${code}`), code);
    assert.ok(isTextKey(`failure.${code}.hint`), code);
  }
});
