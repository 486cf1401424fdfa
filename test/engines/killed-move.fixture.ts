/**
 * A process that moves the rows of a stream, and ends itself as `kill -9` does after a step.
 * In: settings of a server as JSON, the id of a stream, a shard, a step, as arguments. Out: exit code 0 if it
 * did not reach the step.
 */
import { createSystemClock } from '../../src/lib/clock.ts';
import { moveStream } from '../../src/store/shards/move-stream.ts';
import { openDatabases } from '../../src/store/shards/open-databases.ts';

const [server = '', streamId = '', to = '', last = ''] = process.argv.slice(2);
const { signal } = new AbortController();
await using databases = await openDatabases(JSON.parse(server), signal);
await moveStream({
  catalogue: databases.catalogue,
  databaseOf: (shard) => databases.databaseOf(shard),
  streamId,
  to,
  clock: createSystemClock(),
  signal,
  holdMs: 2000,
  graceMs: 0,
  stepped(step) {
    if (step === last) process.kill(process.pid, 'SIGKILL');
  },
});
