import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../observe/log.ts';
import { openEngine } from '../store/db.ts';
import { Shutdown } from './shutdown.ts';

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
