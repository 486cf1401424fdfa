import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { need } from '../../../../test/fixtures/need.ts';
import { FPS, makeMedia, type Pull, pull, removeMedia } from '../pull.fixture.ts';
import { spanOf } from '../run/recording-input.fixture.ts';
import { type FirstSight, PART_S, PARTS, putLowLatency, type Script } from './low-latency.fixture.ts';

const TOTAL = 30;
const FIRST = 12;
const FRAMES = TOTAL * PART_S * FPS;
const LIST = '/ll/index.m3u8';
/** When a playlist that is missing at first is loaded again, ms. */
const RETRY_MS = 375;

/** A pull that has ended, its warnings, and when it first saw its source. */
interface Followed extends Pull {
  readonly warnings: readonly string[];
  readonly sight: FirstSight;
}

suite('pulling LL-HLS', { skip: need('ffmpeg') }, () => {
  let folder = '';
  before(async () => {
    const spec = { seconds: TOTAL * PART_S, segmentS: PART_S, bFrames: 0 } as const;
    folder = await makeMedia({
      mp4: { ...spec, container: 'fmp4' },
      ts: { ...spec, container: 'ts' },
      apart: { ...spec, container: 'fmp4', audio: 'separate' },
    });
  });
  after(removeMedia);

  /** Pulls a scripted source to its end; `script` may read the warnings. */
  async function follow(
    script: Partial<Script> = {},
    prepare: (p: Pull) => void = () => {},
    warnings: string[] = [],
  ): Promise<Followed> {
    const log = {
      info() {},
      warn: (fields: object, message: string) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    };
    const p = await pull(LIST, { log });
    // The playlist does not exist yet: the pull retries until it does.
    prepare(p);
    const media = { folder: join(folder, 'mp4'), init: 'init.mp4' };
    const sight = await putLowLatency(p.origin, { ...media, path: LIST, total: TOTAL, first: FIRST, ...script });
    await p.end();
    return { ...p, warnings: warnings, sight };
  }
  const requested = ({ origin }: Pull, match: RegExp) => origin.requests.filter((path) => match.test(path));
  const holes = ({ input }: Pull) =>
    input.absences.filter((words) => !/^source-down .* answered with HTTP 404$/.test(words));
  /** Asserts that all video frames arrived once, in order. */
  function assertAll(p: Pull): void {
    const frames = p.input.runs.flatMap(({ start, frames: all }) => {
      const video = start.tracks.find(({ kind }) => kind === 'video')!;
      return all.filter(({ trackId }) => trackId === video.id).map(({ dts }) => dts / video.timescale);
    });
    assert.equal(frames.length, FRAMES);
    frames.slice(1).forEach((atS, i) => {
      assert.ok(Math.abs(atS - frames[i]! - 1 / FPS) < 0.001, `picture ${i + 1} follows`);
    });
    assert.deepEqual(holes(p), []);
  }

  test('parts are pulled as they appear, each once, by blocking reloads and delta updates', async () => {
    await using p = await follow();
    assertAll(p);
    assert.equal(p.input.runs.length, 1);
    assert.equal(p.input.runs[0]!.start.pace.kind, 'continuous');
    assert.equal(p.input.segments, 0, 'nothing needs to be flushed');
    assert.equal(requested(p, /_HLS_msn=\d+&_HLS_part=\d+&_HLS_skip=YES$/).length, TOTAL - FIRST);
    const before = ['/ll/whole0.m4s', '/ll/whole1.m4s'];
    assert.deepEqual(requested(p, /whole/), before, 'no segment is fetched whose parts arrive');
    assert.equal(p.time.nowMs, RETRY_MS + 1000 * PART_S * (TOTAL - FIRST), 'each part at once');
    for (let n = 10; n < TOTAL; n++) assert.equal(requested(p, new RegExp(`part${n}\\.`)).length, 1, `part ${n}`);
  });

  test('without hints and without delta updates as well', async () => {
    await using p = await follow({ hints: false, skips: 'none' });
    assertAll(p);
    assert.deepEqual(requested(p, /_HLS_skip/), []);
    assert.deepEqual(requested(p, /whole[2-9]/), []);
  });

  test('after a delta update that does not fit the complete playlist is loaded', async () => {
    await using p = await follow({ skips: 'wrong' });
    assertAll(p);
    assert.ok(requested(p, /_HLS_skip=YES/).length >= 2);
    assert.ok(requested(p, /_HLS_part=\d+$/).length >= 2);
  });

  test('parts may be ranges of one growing file', async () => {
    await using p = await follow({ ranges: true });
    assertAll(p);
    assert.equal(p.input.runs.length, 1);
  });

  test('parts may be MPEG-TS, and may end within a frame', async () => {
    await using p = await follow({ folder: join(folder, 'ts'), init: undefined as never, extension: 'ts' });
    assertAll(p);
    assert.equal(p.input.runs.length, 1);
  });

  test('the date of the source is the time of the run, parts or not', async () => {
    const startMs = 1_795_000_000_000 - 1000 * FIRST * PART_S;
    await using p = await follow({ startMs });
    const [run] = p.input.runs;
    assert.equal(run!.start.clock, 'source');
    assert.equal(spanOf(run!).fromUs / 1000, startMs);
    await using q = await follow();
    const edgeMs = spanOf(q.input.runs[0]!).toUs / 1000 - 1000 * (TOTAL - FIRST) * PART_S;
    const { beganMs } = q.sight as Required<FirstSight>;
    assert.equal(edgeMs, beganMs, 'without dates the edge is the time of the first load');
  });

  test('an unavailable part is replaced from its complete segment, and nothing is published twice', async () => {
    await using p = await follow({}, ({ origin }) => origin.fault('part17.', { kind: 'status', status: 404 }));
    assertAll(p);
    assert.equal(p.input.runs.length, 1);
    assert.deepEqual(p.input.damages, []);
    assert.equal(requested(p, /whole3/).length, 1);
    assert.ok(p.warnings.some((words) => words.startsWith('parts are missing')));
  });

  test('so is a part that the source does not have (GAP)', async () => {
    await using p = await follow({ gaps: [18], hints: false });
    assertAll(p);
    assert.deepEqual(requested(p, /part18/), []);
  });

  test('so is an unreadable part', async () => {
    await using p = await follow({}, ({ origin }) => origin.fault('part16.', { kind: 'body', body: '<html>' }));
    assertAll(p);
  });

  test('of a source whose parts are never available complete segments are pulled, with a warning', async () => {
    const warnings: string[] = [];
    // The source does not end before the third segment without parts.
    const most = () => (warnings.some((words) => words.includes('parts are unavailable')) ? TOTAL : 22);
    const fault = ({ origin }: Pull) => origin.fault('/ll/part', { kind: 'status', status: 404 });
    await using p = await follow({ first: 5, most }, fault, warnings);
    assertAll(p);
    assert.ok(
      p.warnings.some((words) => /complete segments.*parts are unavailable/.test(words)),
      p.warnings.join('\n'),
    );
    assert.equal(p.input.runs.at(-1)!.start.pace.kind, 'bursty');
    assert.equal(p.input.runs[0]!.start.utcOffsetUs, p.input.runs.at(-1)!.start.utcOffsetUs);
  });

  test('so are those of a server that does not block reloads', async () => {
    const warnings: string[] = [];
    // The source does not end before the pull has noticed: answers that a busy machine delays look like held
    // ones.
    const most = () => (warnings.some((words) => words.includes('does not block reloads')) ? TOTAL : 22);
    await using p = await follow({ holds: false, most }, undefined, warnings);
    assertAll(p);
    assert.ok(
      p.warnings.some((words) => /does not block reloads/.test(words)),
      p.warnings.join('\n'),
    );
    assert.equal(p.input.runs.at(-1)!.start.pace.kind, 'bursty');
  });

  test('audio with a separate playlist is pulled part by part with the video', async () => {
    const p = await pull('/ll/master.m3u8');
    await using _ = p;
    for (const [index, kind] of [
      ['1', 'video'],
      ['0', 'audio'],
    ] as const) {
      const media = { folder: join(folder, 'apart'), prefix: `${index}-`, init: `init-${index}.mp4` };
      await putLowLatency(p.origin, { ...media, path: `/ll/${kind}/index.m3u8`, total: TOTAL, first: FIRST });
    }
    p.origin.put(
      '/ll/master.m3u8',
      [
        '#EXTM3U',
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="sound",DEFAULT=YES,URI="audio/index.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=100000,AUDIO="a"',
        'video/index.m3u8',
      ].join('\n'),
    );
    await p.end();
    assertAll(p);
    assert.equal(p.input.runs.at(-1)!.start.pace.kind, 'continuous');
    assert.ok(requested(p, /1-part2\d/).length >= 5 && requested(p, /0-part2\d/).length >= 5, 'both by their parts');
    const sound = p.input.runs.at(-1)!.start.tracks.find(({ kind }) => kind === 'audio');
    assert.ok(sound, 'there is sound');
    const count = p.input.runs.at(-1)!.frames.filter(({ trackId }) => trackId === sound.id).length;
    assert.ok(count > (TOTAL * PART_S * 48_000) / 1024 - PARTS * 10, `${count} frames of sound`);
  });
});
