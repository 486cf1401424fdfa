import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import type { Frame, Track } from '@oxbow/media/frame';
import { createTsDemuxer } from '@oxbow/media/mpegts/demuxer';
import { LiveTsMuxer } from '@oxbow/media/mpegts/muxer/live-muxer';
import { ticksToUs } from '@oxbow/media/run';
import { Leases } from '../../src/cluster/lease/lease.ts';
import { createLocalLeases } from '../../src/cluster/lease/local-leases.ts';
import { type Gop, readGops } from '../../src/ingest/file/gops.ts';
import { openLocalFile } from '../../src/ingest/file/local-file.ts';
import { TsFeed } from '../../src/ingest/mpegts/ts-feed.ts';
import { PublisherSlot } from '../../src/ingest/publisher-slot.ts';
import { SegmentDemux } from '../../src/ingest/pull/segment/segment-demux.ts';
import { sameTracks } from '../../src/ingest/same-tracks.ts';
import { open } from '../../src/live/stream.fixture.ts';
import { type FilmHashes, filmHashes, packetHashes, pictureHashes } from '../fixtures/ffmpeg.ts';
import { madeOnce } from '../fixtures/media/made-once.ts';
import { need } from '../fixtures/need.ts';
import { download, readMedia, readMultivariant, resolvePath, stretchesOf } from '../fixtures/playlists.ts';
import { createPush, endRecording, post } from '../fixtures/publishers/push-streams.ts';
import { freeUdpPort, sendTs } from '../fixtures/publishers/udp-sender.ts';
import { openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { firstOf, fullSuite, lastOf } from '../full.ts';

const SECONDS = 3;
const TICK_MS = 5;
const DATAGRAM_BYTES = 7 * 188;
const PAUSE_MS = 2000;
const HOUR_S = 3600;

/** A film of a picture size and a sound; consecutive ones have other pictures and other tones. */
function film(
  size: string,
  [rate, channels]: readonly [number, number],
  tone: number,
  { pid = 256, at = 0, seconds = SECONDS, ending = 'ts' } = {},
): string {
  const args = [
    ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=${rate}:duration=${seconds}`],
    ...['-vf', `hue=h=${tone % 360}`, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '2'],
    ...['-pix_fmt', 'yuv420p', '-threads', '1', '-c:a', 'aac', '-ac', `${channels}`],
    ...(ending === 'ts' ? ['-mpegts_start_pid', `${pid}`, '-mpegts_flags', 'initial_discontinuity'] : []),
    ...(ending === 'mp4' ? ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'] : []),
    ...['-output_ts_offset', `${at}`],
  ];
  return madeOnce(args, ending);
}

/** What a file holds: its tracks, and its frames in order of decode time. */
function read(bytes: Uint8Array): { tracks: readonly Track[]; frames: Frame[] } {
  let tracks: readonly Track[] = [];
  const frames: Frame[] = [];
  const demuxer = createTsDemuxer({
    tracks: (found) => {
      tracks = found;
    },
    frame: (frame) => frames.push(frame),
    damage: (reason) => assert.fail(reason),
  });
  demuxer.push(bytes);
  demuxer.flush();
  const secondsOf = ({ trackId, dts }: Frame) => dts / tracks.find(({ id }) => id === trackId)!.timescale;
  return { tracks, frames: frames.sort((a, b) => secondsOf(a) - secondsOf(b)) };
}

const hashOf = ({ trackId, data }: Frame) => `${trackId} ${createHash('md5').update(data).digest('hex')}`;

/**
 * A feed of a publisher of a stream whose sink remembers everything.
 *
 * @param options.joins false: the feed has the input of `oxbow record`, which takes only runs
 */
async function openFeed(t: TestContext, { joins = true } = {}) {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  const heard = open();
  const { clock, stream } = heard;
  const failed = (error: unknown) => {
    throw error;
  };
  const slot = new PublisherSlot({
    streamId: 'x',
    clock,
    leases: new Leases({ store: createLocalLeases(clock), clock, failed }),
    failed,
    bug: failed,
    input: stream,
    policy: () => 'refuse',
    watches: false,
    onEvent: () => {},
  });
  const input = await slot.claim({ protocol: 'srt', remote: '', signal: new AbortController().signal });
  const feed = new TsFeed({ input: joins ? input : stream, clock, protocol: 'srt', assemblyMs: 200 });
  /** Sends bytes, each picture when its time has come. */
  const send = (bytes: Uint8Array) => {
    let newest: number | undefined;
    let dueMs = 0;
    const times = createTsDemuxer({
      tracks() {},
      damage() {},
      frame({ trackId, dts }) {
        if (trackId !== 1) return;
        dueMs += newest === undefined ? 0 : (dts - newest) / 90;
        newest = dts;
      },
    });
    for (let at = 0; at < bytes.length; at += DATAGRAM_BYTES) {
      const datagram = bytes.subarray(at, at + DATAGRAM_BYTES);
      times.push(datagram.slice());
      for (; dueMs >= TICK_MS; dueMs -= TICK_MS) {
        clock.advance(TICK_MS);
        feed.tick();
      }
      feed.push(datagram);
    }
  };
  return {
    ...heard,
    send,
    /** The sender pauses. */
    pause() {
      clock.advance(PAUSE_MS);
      feed.interrupt();
    },
    end() {
      feed.end();
      input.close('over');
    },
  };
}

/** Every frame of the films, from the first picture of each on, is in one run with its configuration. */
function assertWhole(
  { runs, frames }: Pick<Awaited<ReturnType<typeof openFeed>>, 'runs' | 'frames'>,
  films: readonly ReturnType<typeof read>[],
): void {
  const hard = runs.filter(({ soft }) => !soft);
  assert.equal(hard.length, films.length, 'one run for each film');
  assert.deepEqual(
    hard.slice(1).flatMap(({ gaps }) => gaps),
    [],
    'no gap is listed',
  );
  for (const [i, { tracks, frames: sent }] of films.entries()) {
    const { run, tracks: named } = hard[i]!;
    assert.ok(sameTracks(named, tracks), `run ${i + 1} has the tracks of its film`);
    const got = new Set(frames.filter((each) => each.run === run.id).map(({ frame }) => hashOf(frame)));
    const first = sent.find(({ trackId, key }) => trackId === 1 && key)!;
    const firstUs = ticksToUs(first.pts, 90_000);
    const missing = sent.filter((frame) => {
      const { timescale } = tracks.find(({ id }) => id === frame.trackId)!;
      return ticksToUs(frame.pts, timescale) >= firstUs && !got.has(hashOf(frame));
    });
    const at = missing.map(
      ({ trackId, pts }) => `${trackId}@${(pts / tracks.find(({ id }) => id === trackId)!.timescale).toFixed(2)}`,
    );
    assert.deepEqual(at, [], `no frame of film ${i + 1} is missing`);
  }
  const total = films.reduce((sum, { frames: sent }) => sum + sent.length, 0);
  assert.ok(frames.length <= total, 'no frame comes twice');
}

/**
 * Films as a sender of oxbow muxes them: one run after the other.
 *
 * @param lateUs in each run, sound comes this much later than pictures of its time
 */
function relayed(films: readonly ReturnType<typeof read>[], lateUs: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  const muxer = new LiveTsMuxer((payload) => pieces.push(payload.slice()));
  let beginsUs = 1_000_000_000;
  for (const { tracks, frames } of films) {
    const usOf = ({ trackId }: Frame, ticks: number) =>
      ticksToUs(ticks, tracks.find(({ id }) => id === trackId)!.timescale);
    const pictures = frames.filter(({ trackId }) => trackId === 1);
    const startUs = usOf(pictures[0]!, pictures[0]!.pts);
    const sent = frames
      .filter((frame) => usOf(frame, frame.pts) >= startUs)
      .map((frame) => ({ frame, atUs: usOf(frame, frame.dts) + (frame.trackId === 1 ? 0 : lateUs) }))
      .sort((a, b) => a.atUs - b.atUs);
    muxer.startRun(tracks, { utcOffsetUs: beginsUs - startUs });
    for (const { frame } of sent) muxer.frame(frame);
    beginsUs += Math.max(...pictures.map((frame) => usOf(frame, frame.pts + frame.duration))) - startUs;
  }
  muxer.flush();
  return Buffer.concat(pieces);
}

const stereo = [48_000, 2] as const;
const base = ['160x90', stereo] as const;
const changes = {
  'picture and sound': ['320x180', [44_100, 1]],
  'the picture': ['320x180', stereo],
  'the sound': ['160x90', [44_100, 1]],
} as const;

suite('a change of tracks in a running feed', { skip: need('ffmpeg') }, () => {
  for (const [what, [size, sound]] of firstOf(1, Object.entries(changes))) {
    for (const lateMs of lastOf(1, [-110, -40, 0, 40, 110])) {
      test(`relayed: ${what}, sound ${lateMs} ms after the picture`, async (t) => {
        const paths = [film(...base, 440), film(size, sound, 550), film(...base, 660)];
        const films = await Promise.all(paths.map(async (path) => read(await readFile(path))));
        const feed = await openFeed(t);
        feed.send(relayed(films, lateMs * 1000));
        feed.end();
        assertWhole(feed, films);
      });
    }
    for (const isReset of firstOf(1, [false, true])) {
      for (const pid of firstOf(1, [256, 300])) {
        test(`joined files${isReset ? ' whose clocks begin again' : ''}${pid === 256 ? '' : ' with other PIDs'}: ${what}`, async (t) => {
          const at = (index: number) => (isReset ? 0 : index * (SECONDS + 0.2));
          const paths = [
            film(...base, 440),
            film(size, sound, 550, { pid, at: at(1) }),
            film(...base, 660, { at: at(2) }),
          ];
          const bytes = await Promise.all(paths.map((path) => readFile(path)));
          const feed = await openFeed(t);
          for (const each of bytes) feed.send(each);
          feed.end();
          assertWhole(feed, bytes.map(read));
        });
      }
    }
  }
});

fullSuite('a change of tracks in what `oxbow record` reads', { skip: need('ffmpeg') }, () => {
  for (const [what, [size, sound]] of Object.entries(changes)) {
    test(`${what}: each frame is in the run of its configuration`, async (t) => {
      const paths = [film(...base, 440), film(size, sound, 550), film(...base, 660)];
      const films = await Promise.all(paths.map(async (path) => read(await readFile(path))));
      const feed = await openFeed(t, { joins: false });
      feed.send(relayed(films, 40_000));
      feed.end();
      assertWhole(feed, films);
    });
  }
});

fullSuite('a change of tracks 30 s later', { skip: need('ffmpeg') }, () => {
  for (const [what, [size, sound]] of Object.entries(changes)) {
    test(`${what}: no frame is lost or held back`, async (t) => {
      const seconds = 30;
      const paths = [
        film(...base, 440, { seconds }),
        film(size, sound, 550, { at: seconds + 0.2, seconds }),
        film(...base, 660, { at: 2 * (seconds + 0.2) }),
      ];
      const bytes = await Promise.all(paths.map((path) => readFile(path)));
      const feed = await openFeed(t);
      for (const each of bytes) feed.send(each);
      // Only the picture that is open, and frames of a change, wait.
      const [sent, got] = [bytes.flatMap((each) => read(each).frames).length, feed.frames.length];
      assert.ok(sent - got < 10, `${sent - got} frames wait at the end`);
      feed.end();
      assertWhole(feed, bytes.map(read));
    });
  }
});

fullSuite('other tracks where the timestamps of a running feed begin again', { skip: need('ffmpeg') }, () => {
  for (const [what, [size, sound]] of Object.entries(changes)) {
    for (const [how, aheadS, pauses] of [
      ['whose clocks are ahead', HOUR_S, false],
      ['after a pause', 0, true],
      ['whose clocks are ahead, after a pause', HOUR_S, true],
    ] as const) {
      test(`files ${how}: ${what}`, async (t) => {
        const paths = [
          film(...base, 440),
          film(size, sound, 550, { at: aheadS }),
          film(...base, 660, { at: 2 * aheadS }),
        ];
        const bytes = await Promise.all(paths.map((path) => readFile(path)));
        const feed = await openFeed(t);
        for (const each of bytes) {
          feed.send(each);
          if (pauses) feed.pause();
        }
        feed.end();
        const runs = feed.runs.filter(({ soft }) => !soft);
        assert.equal(runs.length, bytes.length, 'one run for each film');
        for (const [i, film] of bytes.map(read).entries()) {
          const { run, tracks } = runs[i]!;
          assert.ok(sameTracks(tracks, film.tracks), `run ${i + 1} has the tracks of its film`);
          const countOf = (frames: readonly Frame[], id: number) =>
            frames.filter(({ trackId }) => trackId === id).length;
          const got = feed.frames.filter((each) => each.run === run.id).map(({ frame }) => frame);
          for (const { id } of tracks) {
            // A pause loses the picture that it cuts; sound before the first picture has no place.
            const missing = countOf(film.frames, id) - countOf(got, id);
            assert.ok(missing >= 0 && missing <= 1, `${missing} frames of track ${id} of film ${i + 1} are missing`);
          }
        }
      });
    }
  }
});

suite('a change of tracks in what oxbow pulls and imports', { skip: need('ffmpeg') }, () => {
  for (const [what, [size, sound]] of firstOf(1, Object.entries(changes))) {
    test(`segments: ${what}, after a discontinuity and without`, async () => {
      for (const isMarked of [true, false]) {
        const paths = [film(...base, 440), film(size, sound, 550, { at: isMarked ? 0 : SECONDS + 0.2 })];
        const segments = await Promise.all(paths.map((path) => readFile(path)));
        const films = segments.map(read);
        const demux = new SegmentDemux();
        const demuxed = segments.map((bytes, i) => {
          if (i > 0 && isMarked) demux.discontinuity();
          return demux.demux([Uint8Array.from(bytes)], undefined);
        });
        for (const [i, { groups }] of demuxed.entries()) {
          assert.equal(groups.length, 1, `segment ${i + 1} is one group`);
          assert.ok(sameTracks(groups[0]!.tracks, films[i]!.tracks));
          assert.deepEqual(groups[0]!.frames.map(hashOf).sort(), films[i]!.frames.map(hashOf).sort());
        }
      }
    });

    test(`one segment, and one file: ${what}`, async () => {
      const paths = [film(...base, 440), film(size, sound, 550, { at: SECONDS + 0.2 })];
      const pieces = await Promise.all(paths.map((path) => readFile(path)));
      const films = pieces.map(read);
      const firstOf = ({ frames }: (typeof films)[number]) => frames.find(({ trackId }) => trackId === 1)!.pts;
      const later = films[1]!.frames.filter(
        ({ trackId, pts }) => trackId === 1 || pts / sound[0] >= firstOf(films[1]!) / 90_000,
      );
      const { groups } = new SegmentDemux().demux([Uint8Array.from(Buffer.concat(pieces))], undefined);
      assert.equal(groups.length, 2);
      const inGroup = new Set(groups[1]!.frames.map(hashOf));
      assert.deepEqual(
        later.map(hashOf).filter((hash) => !inGroup.has(hash)),
        [],
      );

      await using folder = await openFolder('track-changes');
      const path = join(folder.path, 'film.ts');
      await writeFile(path, Buffer.concat(pieces));
      await using file = await openLocalFile(path);
      const { signal } = new AbortController();
      const frames = new Map<readonly Track[], Frame[]>();
      const notes = { leftOut: [], skipped: 0 };
      for await (const gop of readGops(file, notes, { signal })) {
        frames.set(gop.tracks, [...(frames.get(gop.tracks) ?? []), ...gop.frames]);
      }
      assert.equal(notes.skipped, 0);
      assert.equal(frames.size, 2);
      const inRun = new Set([...frames.values()][1]!.map(hashOf));
      assert.deepEqual(
        later.map(hashOf).filter((hash) => !inRun.has(hash)),
        [],
      );
    });
  }
});

fullSuite('a change of tracks in fragmented MP4', { skip: need('ffmpeg') }, () => {
  for (const [what, [size, sound]] of Object.entries(changes)) {
    test(`two segments, one segment, and one file: ${what}`, async () => {
      const paths = [film(...base, 440, { ending: 'mp4' }), film(size, sound, 550, { at: SECONDS, ending: 'mp4' })];
      const pieces = await Promise.all(paths.map((path) => readFile(path)));
      const countOf = (groups: readonly Pick<Gop, 'tracks' | 'frames'>[]) => {
        const runs = new Map<readonly Track[], number>();
        for (const { tracks, frames } of groups) runs.set(tracks, (runs.get(tracks) ?? 0) + frames.length);
        return [...runs.values()];
      };
      const demux = new SegmentDemux();
      const films = pieces.flatMap((each) => countOf(demux.demux([Uint8Array.from(each)], undefined).groups));
      assert.ok(films.length === 2 && films.every((frames) => frames > SECONDS * 50));
      const [first, second] = films as [number, number];

      const whole = countOf(new SegmentDemux().demux([Uint8Array.from(Buffer.concat(pieces))], undefined).groups);
      await using folder = await openFolder('track-changes');
      const path = join(folder.path, 'film.mp4');
      await writeFile(path, Buffer.concat(pieces));
      await using file = await openLocalFile(path);
      const gops: Gop[] = [];
      const { signal } = new AbortController();
      for await (const gop of readGops(file, { leftOut: [], skipped: 0 }, { signal })) gops.push(gop);
      for (const runs of [whole, countOf(gops)]) {
        assert.equal(runs.length, 2);
        assert.equal(runs[0]! + runs[1]!, first + second, 'no frame is lost');
        // Sound that has not changed and begins before the picture may end the previous run.
        assert.ok(Math.abs(runs[0]! - first) <= 1);
      }
    });
  }
});

/** Seconds of a film that is sent in real time. */
const LONG = 5;
const TOKEN = 'a-token-for-this-test';

fullSuite('a change of tracks between two servers', { skip: need('ffmpeg'), concurrency: true }, () => {
  const opened = new AsyncDisposableStack();
  const ports = new Map<string, number>();
  let folder: string;
  let source: Server;
  let target: Server;

  before(async () => {
    folder = opened.use(await openFolder('track-changes')).path;
    for (const what of Object.keys(changes)) ports.set(what, await freeUdpPort());
    const names = Object.keys(changes).map((what, i) => `film${i}=udp://127.0.0.1:${ports.get(what)}`);
    const open = async (name: string, args: string[]) => {
      const options = { data: join(folder, name), adminToken: TOKEN, args: ['--srt-latency', '2s', ...args] };
      return opened.use(await startPlainServer({ ...options, ingest: ['rtmp', 'srt'] }));
    };
    [source, target] = [await open('source', names), await open('target', [])];
  });
  after(() => opened.disposeAsync());

  /** MD5 of what is recorded of each run of a stream. */
  const recordedRuns = async (server: Server, name: string): Promise<FilmHashes[]> => {
    const { recorded } = await endRecording(server, name, 2 * LONG);
    const [from, to] = [Math.floor(Date.parse(recorded.from!) / 1000), Math.ceil(Date.parse(recorded.to!) / 1000)];
    const index = `/vod/${name}/${from}/${to}/index.m3u8`;
    const { variants, renditions } = await readMultivariant(server, index);
    const uris = [variants[0]!.uri, renditions.find(({ type }) => type === 'AUDIO')?.uri ?? variants[0]!.uri];
    const [pictures, sound] = await Promise.all(
      uris.map(async (uri, track) => {
        const { path, list } = await readMedia(server, resolvePath(uri, index));
        return Promise.all(
          stretchesOf(list).map(async (segments, i) => {
            const file = join(folder, `${server === source ? 'source' : 'target'}-${name}-${track}-${i}.mp4`);
            await download(server, path, segments, file);
            return track === 0 ? pictureHashes(file) : packetHashes(file, 'a:0');
          }),
        );
      }),
    );
    return pictures!.map((each, i) => ({ pictures: each, sound: sound![i]! }));
  };

  /** Each film is one run with all its pictures and its sound, from its first picture on. */
  const assertRuns = (runs: readonly FilmHashes[], films: readonly FilmHashes[], where: string) => {
    assert.equal(runs.length, films.length, `${where}: one run for each film`);
    for (const [i, { pictures, sound }] of films.entries()) {
      // The end of the last film is lost with its sender.
      const isLast = i === films.length - 1;
      const shown = runs[i]!.pictures;
      const other = pictures.findIndex((hash, at) => hash !== shown[at]);
      const isWhole = other < 0 || (isLast && other >= pictures.length - 3);
      assert.ok(isWhole, `${where}: picture ${other} of film ${i + 1}; ${shown.length} of ${pictures.length} came`);
      assert.ok(shown.length <= pictures.length, `${where}: no picture of film ${i + 1} comes twice`);
      const heard = new Set(runs[i]!.sound);
      const missing = sound.flatMap((hash, at) => (heard.has(hash) ? [] : [at]));
      const lost = missing.filter((at) => at > 6 && (!isLast || at < sound.length - 10));
      assert.deepEqual(lost, [], `${where}: sound of film ${i + 1} of ${sound.length} frames`);
    }
  };

  for (const [i, [what, [size, sound]]] of Object.entries(changes).entries()) {
    test(`${what}: over UDP, and relayed over SRT and RTMP`, async () => {
      const paths = [0, 1, 2].map((n) => {
        const options = { at: n * LONG, seconds: LONG };
        return n === 1 ? film(size, sound, 550, options) : film(...base, 440 + 110 * n, options);
      });
      const films = await filmHashes(paths, { aac: true });
      const bytes = Buffer.concat(await Promise.all(paths.map((path) => readFile(path))));
      for (const protocol of ['srt', 'rtmp'] as const) {
        const name = `${protocol}${i}`;
        const key = await createPush(target, name);
        const { rtmp, srt } = target.ingest;
        const url = protocol === 'rtmp' ? `${rtmp}/${name}?key=${key}` : `${srt}?streamid=publish:${name}:${key}`;
        await post(source, `/streams/film${i}/relays`, { url, label: protocol });
      }
      await sendTs(bytes, { port: ports.get(what)!, seconds: 3 * LONG });
      assertRuns(await recordedRuns(source, `film${i}`), films, 'UDP');
      for (const protocol of ['srt', 'rtmp']) {
        await until(
          'the relay has ended',
          async () => (await target.json<{ state: string }>(`/api/v1/streams/${protocol}${i}`)).state !== 'live',
        );
        assertRuns(await recordedRuns(target, `${protocol}${i}`), films, protocol);
      }
    });
  }
});
