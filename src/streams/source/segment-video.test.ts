import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { Frame, VideoTrack } from '@oxbow/media/frame';
import { ticksToUs } from '@oxbow/media/run';
import { readFrames } from '../../../test/fixtures/media/inside.ts';
import { need } from '../../../test/fixtures/need.ts';
import { loadConfig } from '../../config/load.ts';
import { type LiveEncoder, openLiveEncoder } from '../../ffmpeg/live-ladder.ts';
import type { PullContext } from '../../ingest/pull/context.ts';
import { convertVideo } from '../../ingest/pull/convert/convert-video.ts';
import { noCounters } from '../../ingest/pull/pull-log.ts';
import type { RenditionItem } from '../../ingest/pull/rendition/rendition.ts';
import { RecordingInput } from '../../ingest/pull/run/recording-input.fixture.ts';
import { RunFeeder } from '../../ingest/pull/run/run-feeder.ts';
import { SegmentDemux } from '../../ingest/pull/segment/segment-demux.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import { createSilentLog } from '../../observe/log.ts';
import type { OpenProcess } from '../../transcode/stage/supervised-process.ts';
import { SegmentVideo } from '../../transcode/video/segment-video.ts';
import { recordSource } from '../record/record.ts';
import { probeAddress } from './probe.ts';

const folders: string[] = [];
const clock = createSystemClock();
const START_MS = Date.parse('2026-11-28T08:00:00Z');
const SEGMENT_S = 2;

/**
 * The segments of a film of MPEG-2 pictures with MP2, 25 a second, as a broadcaster has them: B-frames, open
 * groups.
 */
function makeSegments(seconds: number, more: readonly string[] = [], filter = 'null'): Uint8Array[] {
  const folder = mkdtempSync(join(tmpdir(), 'oxbow-mpeg2-'));
  folders.push(folder);
  const inputs = ['-f', 'lavfi', '-i', `testsrc2=s=320x240:r=25:d=${seconds}`];
  const sound = ['-f', 'lavfi', '-i', `sine=r=48000:d=${seconds}`, '-c:a', 'mp2', '-b:a', '64k'];
  const video = [
    '-vf',
    filter,
    '-c:v',
    'mpeg2video',
    '-bf',
    '2',
    '-g',
    '25',
    '-sc_threshold',
    '1000000000',
    '-b:v',
    '2M',
  ];
  const list = ['-f', 'hls', '-hls_time', String(SEGMENT_S), '-hls_list_size', '0'];
  const args = ['-v', 'error', '-nostdin', ...inputs, ...sound, ...video, ...more, ...list];
  execFileSync('ffmpeg', [...args, '-hls_segment_filename', join(folder, '%03d.ts'), join(folder, 'index.m3u8')]);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .sort();
  return names.map((name) => new Uint8Array(readFileSync(join(folder, name))));
}

type Item = Uint8Array | 'discontinuity' | { readonly absent: string };

/** Pulls segments into an input that records. */
async function pull(items: readonly Item[], open: OpenProcess<LiveEncoder> = openLiveEncoder) {
  const input = new RecordingInput();
  const counts = { lost: 0, slow: 0, failures: [] as string[] };
  const report = {
    failed: (why: string) => void counts.failures.push(why),
    slow: () => void counts.slow++,
    lost(count: number) {
      counts.lost += count;
    },
  };
  const context = { clock, counters: noCounters, log: { info() {}, warn() {} } } as unknown as PullContext;
  const feeder = new RunFeeder(input, context);
  await using converter = new SegmentVideo({ open, clock, report });
  const source: { pts: number; timescale: number }[] = [];
  const { signal } = new AbortController();
  for await (const item of convertVideo(read(items, source), converter, { signal })) {
    if (item.kind === 'absent') feeder.absent(item.cause, item.detail);
    else feeder.publish(item.segment, item.media);
  }
  return { input, counts, source };
}

async function* read(
  items: readonly Item[],
  source: { pts: number; timescale: number }[],
): AsyncGenerator<RenditionItem, void> {
  const demux = new SegmentDemux(() => {}, { mpeg2: true });
  let discontinuity = false;
  let msn = 0;
  for (const item of items) {
    if (item === 'discontinuity') discontinuity = true;
    else if ('absent' in item) {
      demux.discontinuity();
      msn++;
      yield { kind: 'absent', cause: 'source-skipped', detail: item.absent };
    } else {
      if (discontinuity) demux.discontinuity();
      const media = demux.demux([item.slice()], undefined);
      const { tracks, frames } = media.groups[0]!;
      const track = tracks.find(({ kind }) => kind === 'video')!;
      for (const { trackId, pts } of frames) if (trackId === track.id) source.push({ pts, timescale: track.timescale });
      const dateMs = START_MS + msn * SEGMENT_S * 1000;
      const segment = {
        msn,
        url: new URL(`https://tv.example/${msn}.ts`),
        durationS: SEGMENT_S,
        targetDurationS: SEGMENT_S,
        discontinuity,
        discontinuitySequence: 0,
        dated: true,
        programDateTimeMs: dateMs,
        toEdgeS: SEGMENT_S,
        arrivedMs: dateMs + SEGMENT_S * 1000,
        ended: false,
        epoch: 0,
      };
      discontinuity = false;
      msn++;
      yield { kind: 'segment', segment, media };
    }
  }
}

/** Presentation times of the pictures of all runs, µs, and the runs they are in. */
function picturesOf({ runs }: RecordingInput): { us: number; run: number; frame: Frame; utcUs: number }[] {
  return runs.flatMap(({ start, frames }, run) => {
    const video = start.tracks.find(({ kind }) => kind === 'video') as VideoTrack;
    assert.deepEqual([video.config.codec, video.config.convertedFrom], ['h264', 'mpeg2']);
    const own = frames.filter(({ trackId }) => trackId === video.id);
    return own.map((frame) => {
      const us = ticksToUs(frame.pts, video.timescale);
      return { us, run, frame, utcUs: us + start.utcOffsetUs };
    });
  });
}

const timesOf = (source: readonly { pts: number; timescale: number }[]) =>
  source.map(({ pts, timescale }) => ticksToUs(pts, timescale));
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

suite('MPEG-2 video of segments', { skip: need('ffmpeg') }, () => {
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  test('every picture comes out, at its time, in one run whose dates are those of the source', async () => {
    const { input, counts, source } = await pull(makeSegments(6));
    const pictures = picturesOf(input);
    assert.deepEqual([input.runs.length, input.absences, input.damages], [1, [], []]);
    assert.deepEqual([counts.lost, counts.failures, source.length], [0, [], 150]);
    assert.deepEqual(
      pictures.map(({ us }) => us),
      sorted(timesOf(source)),
    );
    assert.equal(pictures[0]!.utcUs, START_MS * 1000, 'the first picture is at the date of its segment');
    assert.equal(pictures[0]!.frame.key, true);
    assert.ok(pictures.filter(({ frame }) => frame.key).length >= 6, 'with the key frames of the source');
    assert.ok(pictures.every(({ frame }) => frame.duration === 3600));
  });

  test('a probe names the codec, size and rate of the source, and a recording to a file has its pictures in H.264', async () => {
    const segments = makeSegments(6);
    const list = segments.map((_, i) => `#EXTINF:${SEGMENT_S},\n${i}.ts\n`).join('');
    const playlist = `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:${SEGMENT_S}\n${list}#EXT-X-ENDLIST\n`;
    const server = createServer(({ url }, response) => {
      response.setHeader('content-type', url === '/index.m3u8' ? 'application/vnd.apple.mpegurl' : 'video/mp2t');
      response.end(url === '/index.m3u8' ? playlist : segments[Number.parseInt(url!.slice(1), 10)]);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const { config } = await loadConfig({});
    const { signal } = new AbortController();
    const net = createNet({ allow: [] });
    try {
      const request = { url: `http://127.0.0.1:${port}/index.m3u8`, trusted: true, picture: false };
      const { tracks, leftOut } = await probeAddress(request, { net, clock, config }, { signal });
      const [video] = tracks;
      assert.ok(video?.kind === 'video');
      assert.match(video.codecs, /^mp2v|^mp4v\.61/);
      assert.deepEqual([video.width, video.height, video.frameRate, leftOut], [320, 240, 25, undefined]);
      const path = join(folders.at(-1)!, 'recorded.mp4');
      const made = await recordSource(
        {
          name: 'film',
          source: { type: 'pull', url: request.url, headers: {} },
          target: { kind: 'file', path, format: 'mp4', overwrite: false },
          durationMs: undefined,
        },
        { config, log: createSilentLog(), signal },
      );
      assert.deepEqual(made.leftOut, []);
      const pictures = readFrames(`movie=${path}`, ({ width, height }) => `${width}x${height}`);
      assert.deepEqual([pictures.length, new Set(pictures)], [150, new Set(['320x240'])]);
    } finally {
      await net[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
    }
  });

  test('fields become whole pictures, and a group that refers to the one before loses nothing', async () => {
    const { input, counts, source } = await pull(makeSegments(4, ['-flags', '+ildct+ilme'], 'interlace'));
    assert.deepEqual(
      picturesOf(input).map(({ us }) => us),
      sorted(timesOf(source)),
    );
    assert.deepEqual([input.runs.length, counts.lost, input.damages], [1, 0, []]);
  });

  test('before a discontinuity, a missing segment, a jump and the end, the pictures that were still inside come out', async () => {
    const [a, b, c, d, e] = makeSegments(10, ['-flags', '+cgop']) as [Uint8Array, ...Uint8Array[]];
    const breaks: Item[] = ['discontinuity', { absent: 'one is lost' }];
    // After those two the times jump ahead and back, and the list does not say so.
    const { input, counts, source } = await pull([a, b!, breaks[0]!, a, b!, breaks[1]!, d!, e!, a, c!]);
    const pictures = picturesOf(input);
    assert.deepEqual([pictures.length, counts.lost], [8 * 50, 0]);
    assert.deepEqual(sorted(pictures.map(({ us }) => us)), sorted(timesOf(source)));
    assert.deepEqual(input.damages, ['the clock of the source was set back']);
    assert.deepEqual(
      input.absences.map((text) => text.split(' ')[0]),
      ['source-skipped', 'source-skipped'],
    );
    assert.equal(input.runs.length, 4, 'the demuxer continues the clock that was set back');
    for (const [i, { run, utcUs }] of pictures.entries()) {
      if (i > 0 && pictures[i - 1]!.run === run) assert.equal(utcUs - pictures[i - 1]!.utcUs, 40_000);
    }
  });

  test('a process that is killed costs nothing of the segment that it had: that is converted again', async () => {
    let opened = 0;
    const { input, counts, source } = await pull(makeSegments(4), async (output) => {
      const child = await openLiveEncoder(output);
      if (++opened === 1) process.kill(child.pid, 'SIGKILL');
      return child;
    });
    assert.deepEqual([opened, counts.failures.length, counts.lost], [2, 1, 0]);
    assert.equal(picturesOf(input).length, source.length);
  });

  test('segments that cannot be converted are a gap with its cause, and their pictures are counted', async () => {
    const [a, b] = makeSegments(4) as [Uint8Array, Uint8Array];
    const { input, counts, source } = await pull([a, b], async () => {
      throw new Error('too many run');
    });
    assert.deepEqual([input.runs.length, counts.lost], [0, source.length]);
    assert.ok(input.absences.every((text) => text.startsWith('internal the conversion of the video to H.264 failed')));
    assert.equal(input.absences.length, 2);
  });

  test('other video, and no converter, pass as they are', async () => {
    const { signal } = new AbortController();
    const items: RenditionItem[] = [{ kind: 'absent', cause: 'source-down', detail: 'down' }];
    async function* all() {
      yield* items;
    }
    const passed: RenditionItem[] = [];
    for await (const item of convertVideo(all(), undefined, { signal })) passed.push(item);
    assert.deepEqual(passed, items);
  });
});
