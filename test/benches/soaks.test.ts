/**
 * Soaks run with tiny parameters. Unlike those of benchmarks their limits count: a soak that finds something
 * fails.
 * In: bench/soak.ts. Out: assertions.
 */
import { test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { runScript } from './run-bench.ts';

test('soak memory', { skip: need('cc') }, () =>
  runScript('bench/soak.ts', 'memory --minutes 0.2 --pulled 0 --viewers 1 --every 1 --limit 250 --allocations'),
);
test('soak month', () => runScript('bench/soak.ts', 'month --days 1 --streams 1 --processes 1'));
test('soak ranges', { skip: need('ffmpeg') }, () =>
  runScript('bench/soak.ts', 'ranges --hours 1 --seconds 0.5 --sockets 10 --limit 60000'),
);
test('soak kill', { skip: need('ffmpeg') }, () => runScript('bench/soak.ts', 'kill --moments 1 --only record'));
