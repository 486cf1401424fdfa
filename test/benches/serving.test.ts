/**
 * Benchmarks of servers, viewers and databases run with tiny parameters. Without their peers they are
 * skipped; no figure makes them fail.
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

test('bench timeline', () => bench('timeline --of 2x1'));
test('bench insight', () => bench('insight --viewers 300'));
test('bench calendar', () => bench('calendar --of 2x40'));
test('bench calendar-postgres', { skip: needPostgres() }, () => bench('calendar-postgres --of 2x40'));
test('bench timeline-postgres', { skip: needPostgres() }, () => bench('timeline-postgres --of 2x1'));
test('bench encryption', () => bench('encryption --streams 2'));
test('bench report-flood', () => bench('report-flood --seconds 1'));
test('bench watch-rules', () => bench('watch-rules'));
test('bench part', () => bench('part --seconds 8'));
test('bench jobs', () => bench('jobs --count 2'));
test('bench upload', () => bench('upload --rounds 1'));
test('bench upgrade', { skip: need('ffmpeg') }, () => bench('upgrade --rounds 1'));
test('bench serve', { skip: pinned || need('nginx') || need('wrk') || need('openssl') }, () =>
  bench('serve --seconds 1 --rounds 1 --held 10'),
);
test('bench footprint', { skip: pinned || need('nginx') || need('ss') || need('ffmpeg') }, () =>
  bench('footprint --rounds 1'),
);
test('bench viewers', { skip: pinned }, () => bench('viewers --viewers 4 --seconds 2'));
test('bench threads', { skip: pinned || need('wrk') }, () => bench('threads --viewers 4 --seconds 2 --rounds 1'));
test('bench edge', { skip: pinned }, () => bench('edge --seconds 3 --speed 3'));
