import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { run } from '../../../test/fixtures/ffmpeg.ts';
import { need } from '../../../test/fixtures/need.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import { FPS, listOf, makeMedia, pull, removeMedia, requested, ts } from './pull.fixture.ts';
import { spanOf } from './run/recording-input.fixture.ts';

suite('pulling HLS', { skip: need('ffmpeg') }, () => {
  let folder = '';
  before(async () => {
    folder = await makeMedia({
      ts: { seconds: 8 },
      fmp4: { seconds: 3, container: 'fmp4' },
      hevc: { seconds: 2, container: 'fmp4', codec: 'hevc' },
      apart: { seconds: 4, container: 'fmp4', audio: 'separate' },
    });
  });
  after(removeMedia);

  for (const [name, seconds, codecs] of [
    ['ts', 8, /^avc1\./],
    ['fmp4', 3, /^avc1\./],
    ['hevc', 2, /^hvc1\./],
  ] as const) {
    test(`an ended playlist of ${name} is published completely, in order, in one run, and then the pull ends`, async () => {
      await using p = await pull(`/${name}/index.m3u8`);
      await p.end();
      assert.equal(p.input.runs.length, 1);
      assert.equal(p.input.videoFrames, seconds * FPS);
      assert.equal(p.input.segments, seconds);
      const [run] = p.input.runs;
      assert.deepEqual(
        run!.start.tracks.map(({ kind }) => kind),
        ['video', 'audio'],
      );
      assert.match(run!.start.tracks[0]!.config.codecs, codecs);
      assert.deepEqual(run!.start.pace, { kind: 'bursty', intervalS: 1.5 });
      assert.deepEqual([p.input.absences, p.input.damages], [[], []]);
      const { fromUs, toUs } = spanOf(run!);
      assert.equal(toUs - fromUs, seconds * 1e6, 'as long as it is');
      assert.equal(toUs / 1000, p.time.clock.nowMs(), 'the list’s edge is now');
      assert.equal(p.counts.segments, seconds);
    });
  }

  test('of a Multivariant Playlist the best supported variant is pulled, and nothing else', async () => {
    await using p = await pull('/master.m3u8', {}, (origin) => {
      origin.put(
        '/master.m3u8',
        [
          '#EXTM3U',
          '#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS="avc1.4d400b,mp4a.40.2",RESOLUTION=160x90\nfmp4/low.m3u8',
          '#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.4d400b,mp4a.40.2",RESOLUTION=160x90\nfmp4/index.m3u8',
          '#EXT-X-STREAM-INF:BANDWIDTH=9900000,CODECS="dvh1.08.01",RESOLUTION=640x360\ndv.m3u8',
          '#EXT-X-STREAM-INF:BANDWIDTH=9900000,CODECS="mp4a.40.2"\naudio.m3u8',
        ].join('\n'),
      );
    });
    await p.end();
    assert.equal(p.input.videoFrames, 3 * FPS);
    assert.deepEqual(
      p.origin.requests.filter((path) => path.endsWith('.m3u8')),
      ['/master.m3u8', '/fmp4/index.m3u8'],
    );
  });

  test('audio with a separate playlist is merged with the video, in the same run', async () => {
    await using p = await pull('/apart/master.m3u8');
    await p.end();
    assert.equal(p.input.runs.length, 1);
    const { start, frames } = p.input.runs[0]!;
    assert.deepEqual(
      start.tracks.map(({ kind }) => kind),
      ['video', 'audio'],
    );
    const audio = frames.filter(({ trackId }) => trackId === start.tracks[1]!.id);
    const audioS = audio.reduce((sum, { duration }) => sum + duration, 0) / start.tracks[1]!.timescale;
    assert.ok(Math.abs(audioS - 4) < 0.1, `${audioS} s of audio`);
    assert.equal(p.input.videoFrames, 4 * FPS);
    assert.deepEqual(p.input.damages, []);
    // Audio is never far before or after the adjacent video.
    let videoS = -1;
    for (const frame of frames) {
      if (frame.trackId === start.tracks[0]!.id) videoS = frame.dts / start.tracks[0]!.timescale;
      else assert.ok(Math.abs(frame.pts / start.tracks[1]!.timescale - videoS) < 1.1 || videoS < 0);
    }
  });

  test('a live playlist is pulled from three segments before its end, without interruption', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      let loads = 0;
      origin.put('/live.m3u8', () => {
        const count = Math.min(8, 5 + loads++);
        return listOf({ segments: ts(0, 1, 2, 3, 4, 5, 6, 7).slice(0, count), end: count === 8 });
      });
    });
    await p.end();
    assert.deepEqual(requested(p.origin), ['seg2.ts', 'seg3.ts', 'seg4.ts', 'seg5.ts', 'seg6.ts', 'seg7.ts']);
    assert.equal(p.input.runs.length, 1);
    assert.equal(p.input.videoFrames, 6 * FPS);
  });

  test('an unchanged playlist is reloaded after half a target duration, a changed one after one (RFC 8216bis 6.3.4)', async () => {
    const loadedAtMs: number[] = [];
    const target = '#EXT-X-TARGETDURATION:2\n';
    await using p = await pull('/live.m3u8', {}, (origin, time) => {
      origin.put('/live.m3u8', () => {
        loadedAtMs.push(time.nowMs);
        return listOf({ segments: ts(0, 1, 2, 3, 4).slice(0, loadedAtMs.length === 1 ? 4 : 5), head: target });
      });
    });
    await p.time.runFor(8000);
    assert.deepEqual(loadedAtMs, [0, 2000, 4000, 5000, 6000, 7000, 8000]);
  });

  test('a reload blocks until the next segment exists if the server supports it (RFC 8216bis 6.2.5.2)', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      let loads = 0;
      const head = '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n';
      origin.put('/live.m3u8', () =>
        listOf({ segments: ts(0, 1, 2, 3, 4).slice(0, 3 + loads), first: 40, head, end: loads++ === 2 }),
      );
    });
    await p.end();
    assert.deepEqual(
      p.origin.requests.filter((path) => path.startsWith('/live')),
      ['/live.m3u8', '/live.m3u8?_HLS_msn=43', '/live.m3u8?_HLS_msn=44'],
    );
    assert.equal(p.input.videoFrames, 5 * FPS);
  });

  test('EXT-X-DISCONTINUITY begins a run where the last one ended', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      const segments = ['ts/seg5.ts', 'ts/seg6.ts', '#EXT-X-DISCONTINUITY\nts/seg0.ts', 'ts/seg1.ts'];
      origin.put('/live.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(p.input.runs.length, 2);
    const [a, b] = p.input.runs;
    assert.ok(Math.abs(spanOf(b!).fromUs - spanOf(a!).toUs) < 1000);
    assert.notEqual(a!.start.utcOffsetUs, b!.start.utcOffsetUs);
    assert.deepEqual(p.input.absences, []);
  });

  test('a new Media Initialization Section with other codecs begins a run with other tracks', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      const segments = [
        '#EXT-X-MAP:URI="fmp4/init.mp4"\nfmp4/seg0.m4s',
        '#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="hevc/init.mp4"\nhevc/seg0.m4s',
        'hevc/seg1.m4s',
        '#EXT-X-DISCONTINUITY\nts/seg0.ts',
      ];
      origin.put('/live.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.deepEqual(
      p.input.runs.map(({ start }) => start.tracks[0]!.config.codecs.slice(0, 4)),
      ['avc1', 'hvc1', 'avc1'],
    );
    assert.equal(p.origin.requests.filter((path) => path === '/hevc/init.mp4').length, 1);
    assert.equal(p.input.videoFrames, 4 * FPS);
  });

  test('left out tracks of a live playlist are reported, and removed when the source no longer has them', async () => {
    const made = await run('ffmpeg', [
      ...['-loglevel', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=s=128x72:r=25:d=1', '-f', 'lavfi'],
      ...['-i', 'sine=r=48000:d=1', '-c:v', 'libx264', '-c:a', 'dca', '-strict', '-2', '-ac', '2'],
      join(folder, 'dts.ts'),
    ]);
    assert.equal(made.code, 0, made.stderr);
    const dts = await readFile(join(folder, 'dts.ts'));
    const reported: string[] = [];
    const { promise: named, resolve } = Promise.withResolvers<void>();
    const onFacts = ({ leftOut = [] }: SourceFacts) => {
      const names = leftOut.map(({ name }) => name).join();
      if (names !== (reported.at(-1) ?? '')) reported.push(names);
      if (names !== '') resolve();
    };
    await using p = await pull('/live.m3u8', { onFacts }, (origin) => {
      origin.put('/dts.ts', dts);
      origin.put('/live.m3u8', listOf({ segments: ['dts.ts'] }));
    });
    await p.time.settled('it is named', named);
    assert.deepEqual(reported, ['DTS audio']);
    p.origin.put('/live.m3u8', listOf({ segments: ['dts.ts', '#EXT-X-DISCONTINUITY\nts/seg0.ts'], end: true }));
    await p.end();
    assert.deepEqual(reported, ['DTS audio', '']);
  });

  test('byte ranges of one file are fetched as ranges', async () => {
    const pieces = await Promise.all([0, 1, 2].map((n) => readFile(join(folder, `ts/seg${n}.ts`))));
    let offset = 0;
    const segments = pieces.map((piece) => {
      const line = `#EXT-X-BYTERANGE:${piece.length}@${offset}\nall.bin`;
      offset += piece.length;
      return line;
    });
    await using p = await pull('/ranges.m3u8', {}, (origin) => {
      origin.put('/all.bin', Buffer.concat(pieces));
      origin.put('/ranges.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(p.input.videoFrames, 3 * FPS);
    assert.equal(p.counts.duplicates, 0);
  });

  test('a date near now sets the UTC offset; where it steps within continuous media it is ignored and counted', async () => {
    const dated = (n: number, ms: number) => `#EXT-X-PROGRAM-DATE-TIME:${new Date(ms).toISOString()}\nts/seg${n}.ts`;
    let startMs = 0;
    await using p = await pull('/live.m3u8', {}, (origin, time) => {
      startMs = time.clock.nowMs() - 4000;
      const segments = [
        dated(0, startMs),
        dated(1, startMs + 1000),
        dated(2, startMs + 9000),
        dated(3, startMs + 10_000),
      ];
      origin.put('/live.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(p.input.runs.length, 1);
    const [run] = p.input.runs;
    assert.equal(run!.start.clock, 'source');
    assert.equal(spanOf(run!).fromUs, startMs * 1000);
    assert.equal(p.counts.dateJumps, 1);
  });

  test('a date far from now is ignored', async () => {
    await using p = await pull('/live.m3u8', {}, (origin) => {
      const segments = ['#EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:00Z\nts/seg0.ts', 'ts/seg1.ts'];
      origin.put('/live.m3u8', listOf({ segments, end: true }));
    });
    await p.end();
    assert.equal(p.input.runs[0]!.start.clock, 'arrival');
    assert.equal(spanOf(p.input.runs[0]!).toUs / 1000, p.time.clock.nowMs());
  });
});
