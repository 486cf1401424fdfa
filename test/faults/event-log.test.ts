/**
 * The log of past events on a PostgreSQL server that is killed and started again in the middle of commits:
 * each event is stored once, in its order.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OxbowEvent } from '../../src/api/events.ts';
import { createLocalEventBus } from '../../src/cluster/bus/local-event-bus.ts';
import { createSystemClock } from '../../src/lib/clock.ts';
import { createSilentLog } from '../../src/observe/log.ts';
import { openEngine } from '../../src/store/db.ts';
import { openEventLog } from '../../src/store/event-log/event-log.ts';
import { needPostgres, startPostgres } from '../fixtures/engines/postgres.ts';
import { until } from '../fixtures/wait.ts';
import { perTier } from '../full.ts';

const KILLS = perTier({ first: 2, full: 10 });
/** Events between two kills. */
const EACH = 40;

suite('the log of events', { skip: needPostgres() }, () => {
  test('on a database that is killed again and again has each event once, in order, and loses none', async () => {
    await using postgres = await startPostgres(); // it is killed
    const clock = createSystemClock();
    const server = { url: postgres.url('postgres'), replicaUrl: undefined, pool: 4, replicaLag: 2000 };
    await using engine = await openEngine({ file: '', log: createSilentLog(), server });
    const failed = (error: unknown) => {
      throw error;
    };
    const bus = createLocalEventBus({ clock, failed });
    let failures = 0;
    let number = 0;
    const publish = () =>
      bus.publish('stream.generation', { number: ++number }, { name: 'door', visibility: 'public' });
    await using log = await openEventLog({
      db: engine.db,
      bus,
      node: 'a',
      clock,
      hasOneOrder: true,
      storesForeign: false,
      retryMs: 10,
      limits: { maxAgeMs: 86_400_000, maxEvents: 100_000, maxBytes: 100_000_000 },
      failed: () => {
        failures++;
      },
      lost: () => assert.fail('an event was lost'),
    });
    for (let kill = 1; kill <= KILLS; kill++) {
      const before = failures;
      publish();
      await until('the database takes events', () => log.flush());
      // Batches follow each other, so the kill is in one of them.
      const storing = (async () => {
        for (let left = EACH; left > 0 && failures === before; left--) {
          publish();
          await bus.flush();
          await log.flush();
        }
      })();
      await postgres.kill();
      await storing;
      publish();
      await until('it has failed', async () => {
        await log.flush();
        return failures > before;
      });
      await postgres.start();
      await until('what waits is stored', () => log.flush());
    }
    const numbers: number[] = [];
    for (let position = 0, isMore = true; isMore; ) {
      const page = await log.read({ after: position, limit: 1000 });
      numbers.push(...page.events.map(({ event }) => (event as OxbowEvent<'stream.generation'>).data.number));
      ({ position, isMore } = page);
      assert.equal(page.lost, 0);
    }
    assert.deepEqual(
      numbers,
      Array.from({ length: number }, (_, index) => index + 1),
    );
    const head = await engine.db.selectFrom('event_log_head').selectAll().executeTakeFirstOrThrow();
    assert.equal(head.last, number, 'numbers have no holes');
  });
});
