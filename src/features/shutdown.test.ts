import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVirtualTime } from '../../test/fixtures/virtual-time.ts';
import { createLog } from '../observe/log.ts';
import { openEngine } from '../store/db.ts';
import { closeInOrder, Shutdown } from './shutdown.ts';

test('a start that is aborted does not wait for a database that does not respond', async () => {
  const start = new AbortController();
  const { signal } = new Shutdown(start.signal);
  const waiting = Promise.withResolvers<void>();
  const log = createLog({ level: 'warn', write: () => waiting.resolve() });
  // Port 1 refuses connections, so the engine tries again after a second.
  const server = { url: 'postgres://oxbow@127.0.0.1:1/oxbow', replicaUrl: undefined, pool: 1, replicaLag: 2000 };
  const opening = openEngine({ file: '', server, log, signal });
  await waiting.promise;
  const reason = new DOMException('stopped by SIGTERM', 'AbortError');
  start.abort(reason);
  await assert.rejects(opening, { name: 'AbortError' });
});

test('a start that was aborted before is a shutdown from its beginning', () => {
  assert.equal(new Shutdown(AbortSignal.abort()).signal.aborted, true);
});

test('streams close in their turn, and after two seconds whatever holds up what is closed before them', async () => {
  for (const heldMs of [1, 1999, 2001, 9000]) {
    using time = openVirtualTime();
    const closed: number[] = [];
    const stream = { close: async () => void closed.push(time.nowMs) };
    await using opened = new AsyncDisposableStack();
    opened.defer(() => stream.close());
    opened.defer(() => new Promise<void>((resolve) => void setTimeout(resolve, heldMs)));
    const closing = closeInOrder(opened, () => [stream]);
    await time.runFor(heldMs);
    await time.settled('the closing', closing);
    assert.deepEqual(closed, heldMs > 2000 ? [2000, heldMs] : [heldMs]);
    await time.runFor(10_000);
    assert.equal(closed.length, heldMs > 2000 ? 2 : 1, 'no timer is left');
  }
});
