/*
 * What the server refuses has words in the languages of the interface.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roomRefusals } from '../../src/features/rooms/refusals.ts';
import { accountRefusals } from '../../src/lib/refusals/accounts.ts';
import '../../web/src/text/account.ts';
import '../../web/src/text/call.ts';
import '../../web/src/text/call-record.ts';
import '../../web/src/cameras/texts.ts';
import '../../web/src/text/media-servers.ts';
import '../../web/src/text/rooms.ts';
import { isTextKey } from '../../web/src/text/text.ts';

test('every refusal of accounts and rooms has a text and a hint, in place of the English one of the server', () => {
  for (const code of [...Object.keys(accountRefusals), ...Object.keys(roomRefusals)]) {
    // Those of calls are one sentence in the page.
    const keys = code.startsWith('call-') ? [`call.refused.${code}`] : [`failure.${code}`, `failure.${code}.hint`];
    for (const key of keys) assert.ok(isTextKey(key), key);
  }
});
