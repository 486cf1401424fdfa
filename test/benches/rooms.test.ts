/**
 * Benchmarks of rooms, calls and clusters run with tiny parameters. Without their peers they are skipped; no
 * figure makes them fail.
 * In: bench/run.ts. Out: assertions.
 */
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { needPostgres } from '../fixtures/engines/postgres.ts';
import { need } from '../fixtures/need.ts';
import { bench } from './run-bench.ts';

/** Servers and load generators are pinned to two cores. */
const pinned =
  need('cc') || need('taskset') || (availableParallelism() < 2 ? 'servers and clients need a core each' : false);
const cluster = pinned || needPostgres() || need('redis-server') || need('ffmpeg');

test('bench rooms', { skip: pinned }, () => bench('rooms --members 20 --seconds 1 --rounds 1'));
test('bench rooms --people', { skip: pinned }, () => bench('rooms --people --members 20 --seconds 2'));
test('bench call', { skip: need('ffmpeg') }, () => bench('call --seconds 1'));
for (const part of ['rooms', 'kill', 'hop']) {
  test(`bench cluster --only ${part}`, { skip: cluster }, () =>
    bench(`cluster --members 30 --seconds 2 --rounds 1 --only ${part}`),
  );
}
