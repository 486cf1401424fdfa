/**
 * Benchmarks of pages in Chromium run with tiny parameters. Without their peers they are skipped; no figure
 * makes them fail.
 * In: bench/run.ts, the built interface. Out: assertions.
 */
import { test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { bench } from './run-bench.ts';

const skip = need('chromium') || need('ffmpeg');

test('bench player', { skip }, () => bench('player --seconds 3'));
test('bench day', { skip }, () => bench('day --hours 0.2 --height 360'));
test('bench publish', { skip }, () => bench('publish --seconds 2'));
test('bench whep', { skip }, () => bench('whep --seconds 2'));
test('bench multi', { skip }, () => bench('multi --seconds 2'));
test('bench http3', { skip: skip || need('caddy') || need('cc') }, () => bench('http3 --seconds 2'));
test('bench room-step', { skip }, () => bench('room-step --seconds 2'));
