/*
 * What the server refuses has words in the languages of the interface.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountRefusals } from '../../src/lib/refusals/accounts.ts';
import { roomRefusals } from '../../src/lib/refusals/rooms.ts';
import '../../web/src/text/account.ts';
import '../../web/src/text/media-servers.ts';
import '../../web/src/text/rooms.ts';
import { isTextKey } from '../../web/src/text/text.ts';

test('every refusal of accounts and rooms has a text and a hint, in place of the English one of the server', () => {
  for (const code of [...Object.keys(accountRefusals), ...Object.keys(roomRefusals)]) {
    for (const key of [`failure.${code}`, `failure.${code}.hint`]) assert.ok(isTextKey(key), key);
  }
});
