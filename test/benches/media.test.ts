/**
 * Benchmarks of sources, encoders and files run with tiny parameters. Without their peers they are skipped;
 * no figure makes them fail.
 * In: bench/run.ts and the scripts beside it. Out: assertions.
 */
import { test } from 'node:test';
import { need } from '../fixtures/need.ts';
import { needGstServer } from '../fixtures/rtsp/rtsp-servers.ts';
import { bench, runScript } from './run-bench.ts';

test('bench pull', { skip: need('ffmpeg') }, () => bench('pull --streams 1 --warm-up 2 --seconds 2'));
test('bench pull-pair', { skip: need('ffmpeg') }, () => bench('pull-pair --streams 1 --warm-up 2 --seconds 2'));
test('bench healing', { skip: need('ffmpeg') }, () => bench('healing --streams 1 --warm-up 2 --seconds 2 --rounds 1'));
test('bench mirror', { skip: need('ffmpeg') }, () => bench('mirror --streams 1 --warm-up 2 --seconds 2 --rounds 1'));
test('bench regress', { skip: need('ffmpeg') }, () => bench('regress --only pull,rest --rounds 1'));
test('bench ingest', { skip: need('ffmpeg') || need('nginx') }, () =>
  bench('ingest --streams 1 --warm-up 2 --seconds 2'),
);
test('bench ingest over SRT', { skip: need('ffmpeg') }, () =>
  bench('ingest --protocol srt --streams 1 --warm-up 2 --seconds 2 --alone'),
);
test('bench ingest of two versions', { skip: need('ffmpeg') }, () =>
  bench('ingest --protocol srt --streams 1 --warm-up 2 --seconds 2 --against bin/oxbow'),
);
test('bench rtsp', { skip: need('ffmpeg') || needGstServer() }, () =>
  bench('rtsp --streams 1 --warm-up 2 --seconds 2'),
);
test('bench import', { skip: need('ffmpeg') }, () => bench('import --seconds 4 --rounds 1'));
test('bench ladder', { skip: need('ffmpeg') }, () => bench('ladder --seconds 2 --rounds 1'));
test('bench measured-ladder', { skip: need('ffmpeg') }, () =>
  bench('measured-ladder --height 180 --seconds 12 --only slides'),
);
test('bench live-ladder', { skip: need('ffmpeg') }, () => bench('live-ladder --seconds 5'));
test('bench storyboard', { skip: need('ffmpeg') }, () => bench('storyboard --streams 1 --seconds 1'));
test('bench input', { skip: need('ffmpeg') }, () => bench('input --count 2'));
test('bench srt', { skip: need('ffmpeg') || need('srt-live-transmit') }, () =>
  runScript('bench/srt.ts', '--streams 1 --seconds 1'),
);
test('bench srt-loss', { skip: need('srt-live-transmit') }, () =>
  runScript('bench/srt-loss.ts', '--runs 1 --seconds 1'),
);
