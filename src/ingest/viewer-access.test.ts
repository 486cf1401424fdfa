import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { OxbowError } from '../lib/errors.ts';
import type { LiveSource, ReadRequest } from './publish-access.ts';
import { untilRefused } from './viewer-access.ts';

const request = { protocol: 'whep', name: 'door', token: 'token', remote: '192.0.2.1:5000' } as const;

/** Access that answers with each of these in turn: an error, or undefined for permission. */
function accessOf(...answers: (Error | undefined)[]) {
  const asked: ReadRequest[] = [];
  return {
    asked,
    async read(read: ReadRequest): Promise<LiveSource> {
      asked.push(read);
      const error = answers[asked.length - 1];
      if (error) throw error;
      return undefined as unknown as LiveSource;
    },
  };
}

suite('the permission of a viewer over WHEP or SRT', () => {
  for (const code of ['watch-refused', 'watch-expired', 'stream-unknown', 'not-started', 'past-limited'] as const) {
    test(`ends with ${code}, with its reason`, async () => {
      const access = accessOf(undefined, undefined, new OxbowError(code, 'No more.'));
      const { signal } = new AbortController();
      assert.equal(await untilRefused(access, { ...request, signal }, 1), 'No more.');
      assert.deepEqual(
        access.asked.map(({ name, token }) => [name, token]),
        [
          ['door', 'token'],
          ['door', 'token'],
          ['door', 'token'],
        ],
      );
    });
  }

  test('lasts while the authorization server does not answer', async () => {
    const access = accessOf(
      new OxbowError('auth-unavailable', 'No answer.'),
      new OxbowError('not-ready', 'Starting.'),
      new OxbowError('watch-refused', 'Refused.'),
    );
    const { signal } = new AbortController();
    assert.equal(await untilRefused(access, { ...request, signal }, 1), 'Refused.');
  });

  test('is not checked after the session has ended', async () => {
    const access = accessOf();
    const session = new AbortController();
    const checked = untilRefused(access, { ...request, signal: session.signal }, 60_000);
    session.abort();
    assert.equal(await checked, undefined);
    assert.deepEqual(access.asked, []);
  });
});
