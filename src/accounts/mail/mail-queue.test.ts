import assert from 'node:assert/strict';
import { afterEach, suite, test } from 'node:test';
import { createManualClock } from '../../lib/clock.ts';
import { memoryTables } from '../memory-tables.fixture.ts';
import { SecretBox } from '../secret-box.ts';
import { MailError } from './mail-error.ts';
import { MailQueue, type MailResult, type NewMail } from './mail-queue.ts';

const HOUR_MS = 3_600_000;
const content = { subject: 'Set a new password', text: 'https://tv.example/reset-password#c0de', html: '<p>c0de</p>' };

function mailTo(to: string, change: Partial<NewMail> = {}): NewMail {
  return { to, content, userId: undefined, lifetimeMs: HOUR_MS, ...change };
}

const open: AbortController[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.abort();
});

/** A queue, and one that is opened after it on the same rows, as after a restart. */
function openRig(
  send: (to: string) => Promise<void>,
  { rows = memoryTables().mails, secret = 'a secret of this server', clock = createManualClock(0), retryMs = [0] } = {},
) {
  const results: MailResult[] = [];
  const changed: (() => void)[] = [];
  const closing = new AbortController();
  open.push(closing);
  const failures: unknown[] = [];
  return {
    results,
    closing,
    rows,
    clock,
    failures,
    queue: MailQueue.open({
      rows,
      clock,
      retryMs,
      transport: { send },
      signal: closing.signal,
      box: new SecretBox(Buffer.from(secret), 'mail'),
      failed: (error) => failures.push(error),
      onResult(result) {
        results.push(result);
        for (const each of changed.splice(0)) each();
      },
    }),
    async until(is: () => boolean) {
      while (!is()) await new Promise<void>((resolve) => changed.push(resolve));
    },
  };
}

const later = new MailError('later', true, undefined);

suite('messages that wait', () => {
  test('are sent again after a temporary failure, and not after a permanent one', async () => {
    let failures = 2;
    const { queue, results, until } = openRig(async (to) => {
      if (to === 'never') throw new MailError('no', false, undefined);
      if (failures-- > 0) throw later;
    });
    await (await queue).add(mailTo('ada'));
    await until(() => results.length === 3);
    assert.deepEqual(results, ['retried', 'retried', 'sent']);
    await (await queue).add(mailTo('never'));
    await until(() => results.length === 4);
    assert.equal(results[3], 'failed');
  });

  test('are tried until they expire', async () => {
    const clock = createManualClock(0);
    const { queue, results, until, rows } = openRig(
      async () => {
        clock.advance(HOUR_MS / 4);
        throw later;
      },
      { clock },
    );
    await (await queue).add(mailTo('ada'));
    await until(() => results.includes('expired'));
    assert.deepEqual(results, ['retried', 'retried', 'retried', 'expired']);
    await (await queue).close();
    assert.deepEqual(await rows.all(), []);
  });

  test('are sent after a restart, once, and their recipients and links are not readable at rest', async () => {
    const first = openRig(async () => Promise.reject(later), { retryMs: [HOUR_MS / 2] });
    await (await first.queue).add(mailTo('ada@example.org'));
    await first.until(() => first.results.length === 1);
    await (await first.queue).close();
    first.closing.abort();
    const [row] = await first.rows.all();
    assert.equal(row!.tries, 1);
    assert.doesNotMatch(Buffer.from(row!.sealed, 'base64url').toString('latin1'), /ada|c0de|password/);
    first.clock.advance(HOUR_MS / 2);
    const sent: string[] = [];
    const second = openRig(async (to) => void sent.push(to), first);
    await second.queue;
    await second.until(() => second.results.length === 1);
    await (await second.queue).close();
    assert.deepEqual([sent, await first.rows.all()], [['ada@example.org'], []]);
  });

  test('that are being sent when the server closes stay for the next start', async () => {
    const gate = Promise.withResolvers<void>();
    const first = openRig(() => gate.promise);
    await (await first.queue).add(mailTo('ada'));
    first.closing.abort();
    gate.reject(later);
    await (await first.queue).close();
    assert.deepEqual([first.results, (await first.rows.all()).length], [[], 1]);
  });

  test('are dropped and counted if the secret of the server has changed', async () => {
    const first = openRig(() => new Promise(() => {}));
    await (await first.queue).add(mailTo('ada'));
    first.closing.abort();
    const second = openRig(async () => {}, { rows: first.rows, secret: 'another one' });
    assert.equal((await second.queue).size, 0);
    assert.deepEqual([second.results, await first.rows.all()], [['failed'], []]);
  });

  test('about a deleted account are removed', async () => {
    const { queue, rows, until, results } = openRig(async () => Promise.reject(later), { retryMs: [HOUR_MS / 2] });
    await (await queue).add(mailTo('ada', { userId: 'u1' }));
    await (await queue).add(mailTo('grace', { userId: 'u2' }));
    await until(() => results.length === 2);
    await (await queue).close();
    await (await queue).forget('u1');
    assert.deepEqual(
      (await rows.all()).map(({ userId }) => userId),
      ['u2'],
    );
    assert.equal((await queue).size, 1);
  });

  test('are at most 1000, and two are sent at a time', async () => {
    let running = 0;
    let most = 0;
    const gate = Promise.withResolvers<void>();
    const { queue, results, until } = openRig(async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      running--;
    });
    const opened = await queue;
    const accepted = await Promise.all(Array.from({ length: 1005 }, () => opened.add(mailTo('ada'))));
    assert.deepEqual([accepted.filter(Boolean).length, opened.size, results.length], [1000, 1000, 5]);
    gate.resolve();
    await until(() => results.length === 1005);
    assert.equal(most, 2);
  });
});
