import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTextKey } from '../text/text.ts';
import { loadHls, noPlayer, playerNotLoaded } from './load-player.ts';

test('a player that cannot be loaded is told, not thrown', async () => {
  const gone = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'));
  assert.equal(await loadHls(gone), null);
});

test('the pages have words and advice for a player that is not there', () => {
  for (const { code } of [playerNotLoaded, noPlayer]) {
    assert.ok(isTextKey(`failure.${code}`), code);
    assert.ok(isTextKey(`failure.${code}.hint`), code);
  }
});
