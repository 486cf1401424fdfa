import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import type { MediaAddress } from '../../api/media-address.ts';
import type { MarkedRules } from '../../api/past/past-rules.ts';
import { OxbowError } from '../../lib/errors.ts';
import { START_US } from '../../recording/recording.fixture.ts';
import { type Delivery, generation, openDelivery, tracks } from '../delivery.fixture.ts';
import { fromHere, keptAtMost } from './viewer-guard.ts';

const startMs = START_US / 1000;
/** Segments of 2 s from START on; the last one ends now. */
const COUNT = 60;
const FIRST = 100;
const LAST = FIRST + COUNT - 1;
const nowMs = startMs + COUNT * 2000;
/** Start of the segment that many seconds before now, unix seconds. */
const at = (agoS: number) => (nowMs - agoS * 1000) / 1000;
const msnAt = (agoS: number) => FIRST + (COUNT * 2 - agoS) / 2;

/** Two minutes of segments, recorded and in the live window, and two parts of a segment that grows. */
async function openDoor(past?: MarkedRules): Promise<Delivery> {
  const door = await openDelivery();
  door.listWriter.begin(generation, tracks);
  for (let msn = FIRST; msn <= LAST; msn++) await door.record(door.live({ msn }));
  door.open({ msn: LAST + 1 });
  door.part({ msn: LAST + 1 }, 0);
  door.part({ msn: LAST + 1 }, 1);
  door.rig.clock.advance(nowMs - door.rig.clock.nowMs());
  door.state.settledUs = nowMs * 1000;
  door.state.past = past;
  return door;
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'ok';
  } catch (error) {
    if (!(error instanceof OxbowError)) throw error;
    return error.code;
  }
};

async function msnsOf(door: Delivery, url: string, isExempt = false): Promise<number[]> {
  const { playlist } = parsePlaylist(await door.text(url, isExempt));
  // The last entry of a list with parts is the segment that grows.
  const uris = (playlist as MediaPlaylist).segments.flatMap(({ uri }) => uri || []);
  return uris.map((uri) => Number.parseInt(path.basename(uri), 10));
}

/** MSNs in a DASH manifest that numbers its segments by them. */
const span = (msns: readonly number[]) => [msns[0], msns.at(-1)];

suite('rewind', () => {
  test('lists and windows begin where viewers may rewind to, and move on with the time', async () => {
    await using door = await openDoor({ rewindMs: 60_000 });
    const live = '/live/door/av0/g7.m3u8';
    assert.deepEqual(span(await msnsOf(door, live)), [msnAt(60), LAST]);
    const window = `/vod/door/${startMs / 1000}/${at(0)}/av0.m3u8`;
    assert.deepEqual(span(await msnsOf(door, window)), [msnAt(60), LAST]);
    assert.deepEqual(span(await msnsOf(door, '/live/door/dvr-30m/av0/g7.m3u8')), [msnAt(60), LAST]);
    door.rig.clock.advance(10_000);
    assert.deepEqual(span(await msnsOf(door, live)), [msnAt(50), LAST]);
    assert.deepEqual(span(await msnsOf(door, window)), [msnAt(50), LAST]);
    assert.deepEqual(span(await msnsOf(door, '/live/door/dvr-30m/av0/g7.m3u8')), [msnAt(50), LAST]);
    assert.deepEqual(span(await msnsOf(door, live, true)), [FIRST, LAST], 'those with a right see everything');
    assert.deepEqual(span(await msnsOf(door, window, true)), [FIRST, LAST]);
  });

  test('a segment is kept by caches no longer than it may be watched, and not at all for those who are exempt', async () => {
    await using door = await openDoor({ rewindMs: 60_000 });
    const agesOf = async (msn: number, isExempt = false) =>
      (await door.get(`/live/door/av0/${msn}.m4s`, undefined, isExempt)).cacheControl;
    assert.equal(await agesOf(LAST), 'public, max-age=58, must-revalidate');
    assert.equal(await agesOf(msnAt(50)), 'public, max-age=10, must-revalidate');
    assert.equal(await agesOf(msnAt(60)), 'public, max-age=0, must-revalidate');
    assert.equal(await agesOf(FIRST, true), 'no-store');
    door.state.past = undefined;
    assert.equal(await agesOf(FIRST), 'public, max-age=31536000, immutable');
  });
});

suite('a delay', () => {
  test('live lists end earlier, by whole segments, without parts, and move on with the time', async () => {
    await using door = await openDoor({ delayMs: 31_000 });
    const live = '/live/door/av0/g7.m3u8';
    assert.deepEqual(span(await msnsOf(door, live)), [FIRST, msnAt(34)]);
    const text = await door.text(live);
    assert.ok(!/EXT-X-(?:PART|PRELOAD-HINT|SERVER-CONTROL:.*CAN-BLOCK-RELOAD)/.test(text), text);
    assert.match(await door.text(live, true), /EXT-X-PART:/);
    door.rig.clock.advance(1000);
    assert.deepEqual(span(await msnsOf(door, live)), [FIRST, msnAt(32)]);
    assert.deepEqual(span(await msnsOf(door, '/live/door/dvr-30m/av0/g7.m3u8')), [FIRST, msnAt(32)]);
    assert.deepEqual(span(await msnsOf(door, `/vod/door/${at(60)}/${at(0)}/av0.m3u8`)), [msnAt(60), msnAt(32)]);
    assert.ok(!(await door.text(`/vod/door/${at(60)}/${at(0)}/av0.m3u8`)).includes('ENDLIST'), 'it still grows');
    const manifest = await door.text('/live/door/index.mpd');
    assert.ok(manifest.includes('<MPD'), manifest);
  });

  test('the stream ends for viewers when the last segment has come to them', async () => {
    await using door = await openDoor({ delayMs: 30_000 });
    door.listWriter.end();
    const live = '/live/door/av0/g7.m3u8';
    assert.ok(!(await door.text(live)).includes('ENDLIST'));
    assert.match(await door.text(live, true), /ENDLIST/);
    door.rig.clock.advance(30_000);
    assert.match(await door.text(live), /ENDLIST/);
  });

  test('viewers who are late stay in the generation before, until the next one has come to them', async () => {
    await using door = await openDoor({ delayMs: 4000 });
    door.listWriter.end();
    door.listWriter.begin({ ...generation, number: 8, firstMsn: LAST + 10 }, tracks);
    door.live({ msn: LAST + 10, startUs: nowMs * 1000, discontinuity: true });
    assert.match(await door.text('/live/door/index.m3u8'), /g7\.m3u8/);
    assert.match(await door.text('/live/door/index.m3u8', true), /g8\.m3u8/);
    door.rig.clock.advance(6000);
    assert.match(await door.text('/live/door/index.m3u8'), /g8\.m3u8/);
    assert.match(await door.text('/live/door/av0/g7.m3u8'), /ENDLIST/);
  });
});

suite('a start', () => {
  test('before the mark viewers get not-started; after it nothing from before it', async () => {
    await using door = await openDoor({ start: 'mark' });
    assert.equal(await codeOf(door.get('/live/door/index.m3u8')), 'not-started');
    assert.equal(await codeOf(door.get('/live/door/index.m3u8', undefined, true)), 'ok');
    door.state.past = { start: 'mark', markMs: nowMs - 21_000 };
    assert.deepEqual(span(await msnsOf(door, '/live/door/av0/g7.m3u8')), [msnAt(20), LAST]);
    assert.equal(await codeOf(door.get(`/live/door/av0/${msnAt(22)}.m4s`)), 'past-limited');
    door.state.past = { start: nowMs + 5000 };
    assert.equal(await codeOf(door.get('/live/door/index.m3u8')), 'not-started');
    door.rig.clock.advance(5000);
    assert.notEqual(await codeOf(door.get('/live/door/index.m3u8')), 'not-started');
  });
});

/** What the rules do with each kind of address. A new kind without an entry does not compile. */
type Effect =
  /** Has no media of a stream. */
  | 'free'
  /** From the start on. */
  | 'started'
  /** The playlist or manifest is cut. */
  | 'cut'
  /** One segment: only if it is visible. */
  | 'segment'
  /** An instant: only if it is visible. */
  | 'instant'
  /** A range: only if all of it is visible, and clips are permitted. */
  | 'clip'
  /** A clip that has an address: only if all of it is visible. */
  | 'saved'
  /** An asset was taken from the past on purpose. */
  | 'asset';
const effects: Readonly<Record<MediaAddress['kind'], Effect>> = {
  index: 'cut',
  manifest: 'cut',
  playlist: 'cut',
  init: 'started',
  segment: 'segment',
  part: 'segment',
  key: 'started',
  licence: 'started',
  time: 'free',
  session: 'free',
  steering: 'free',
  unknown: 'free',
  'dvr-index': 'cut',
  'dvr-manifest': 'cut',
  'dvr-playlist': 'cut',
  'ts-index': 'cut',
  'ts-playlist': 'cut',
  'ts-segment': 'segment',
  'ts-catch-up': 'cut',
  'ts-delayed': 'cut',
  subtitles: 'segment',
  'stored-segment': 'segment',
  'window-index': 'cut',
  'window-manifest': 'cut',
  'window-playlist': 'cut',
  captions: 'cut',
  clip: 'clip',
  timelapse: 'clip',
  still: 'instant',
  'small-still': 'instant',
  storyboard: 'cut',
  'vsr-live': 'cut',
  'vsr-window': 'cut',
  'vsr-segment': 'segment',
  'asset-index': 'asset',
  'asset-key': 'asset',
  'asset-licence': 'asset',
  'asset-manifest': 'asset',
  'asset-playlist': 'asset',
  'asset-init': 'asset',
  'asset-segment': 'asset',
  'asset-stored-segment': 'asset',
  'asset-subtitles': 'asset',
  'asset-file': 'asset',
  'asset-text': 'asset',
  'asset-chapters': 'asset',
  'asset-original': 'asset',
  'asset-poster': 'asset',
  'asset-storyboard': 'asset',
  'asset-sprite': 'asset',
  'clip-file': 'saved',
  'clip-preview': 'saved',
};

/** An address of a kind with media of `agoS` before now, 4 s long; undefined: it names no time. */
const samples: Readonly<Record<string, (agoS: number) => string>> = {
  index: () => '/live/door/index.m3u8',
  manifest: () => '/live/door/index.mpd',
  playlist: () => '/live/door/av0/g7.m3u8',
  init: () => '/live/door/av0/init-1.mp4',
  segment: (agoS) => `/live/door/av0/${msnAt(agoS)}.m4s`,
  part: (agoS) => `/live/door/av0/${msnAt(agoS)}.3.m4s`,
  'dvr-index': () => '/live/door/dvr-30m/index.m3u8',
  'dvr-manifest': () => '/live/door/dvr-30m/index.mpd',
  'dvr-playlist': () => '/live/door/dvr-30m/av0/g7.m3u8',
  'ts-index': () => '/live/door/ts/index.m3u8',
  'ts-playlist': () => '/live/door/ts/g7.m3u8',
  'ts-segment': (agoS) => `/live/door/ts/${msnAt(agoS)}.ts`,
  'ts-catch-up': (agoS) => `/live/door/ts/index-${at(agoS)}-4.m3u8`,
  subtitles: (agoS) => `/live/door/s1/${msnAt(agoS)}.vtt`,
  'stored-segment': (agoS) => `/live/door/av0/${msnAt(agoS)}-0.mp4`,
  'window-index': (agoS) => `/vod/door/${at(agoS)}/4s/index.m3u8`,
  'window-manifest': (agoS) => `/vod/door/${at(agoS)}/4s/index.mpd`,
  'window-playlist': (agoS) => `/vod/door/${at(agoS)}/4s/av0.m3u8`,
  captions: (agoS) => `/vod/door/${at(agoS)}/4s/captions.vtt`,
  clip: (agoS) => `/clip/door/${at(agoS)}/4s.mp4`,
  timelapse: (agoS) => `/timelapse/door/${at(agoS)}/4s/1.mp4`,
  still: (agoS) => `/thumb/door/${at(agoS)}.jpg`,
  'small-still': (agoS) => `/thumb/door/small/${at(agoS)}.jpg`,
  storyboard: (agoS) => `/thumb/door/${at(agoS)}/4s/storyboard.vtt`,
  'vsr-window': (agoS) => `/start/${compact(at(agoS))}/1/vod.m3u8`,
  'vsr-segment': (agoS) => `/live/${msnAt(agoS)}.ts`,
};

function compact(unixS: number): string {
  return new Date(unixS * 1000)
    .toISOString()
    .replace(/\.\d+Z/, '')
    .replaceAll(/[-:T]/g, '');
}

suite('a guessed address gives no more than the lists', () => {
  const refused = new Set(['past-limited', 'not-found', 'no-media', 'not-started', 'clips-off', 'stream-offline']);
  const rules: MarkedRules = { rewindMs: 60_000, delayMs: 20_000 };

  test('a reply whose file a bucket has is sent from here, and is otherwise the same', () => {
    const stored = { location: { path: 'recordings/s/1.mp4', target: 'bucket' }, offset: 0, length: 4 } as never;
    const body = [new Uint8Array([1, 2, 3, 4])];
    const cacheControl = 'public, max-age=900';
    const reply = keptAtMost({ contentType: 'video/mp4', cacheControl, length: 4, body, stored }, 5);
    assert.ok(reply.stored);
    const here = fromHere(reply);
    assert.deepEqual([here.stored, here.contentType, here.length, here.body], [undefined, 'video/mp4', 4, body]);
    assert.equal(here.cacheControl, reply.cacheControl);
  });

  for (const [kind, sample] of Object.entries(samples)) {
    const effect = effects[kind as MediaAddress['kind']];
    test(`${kind} (${effect})`, async () => {
      await using door = await openDoor();
      const answers = async (agoS: number, isExempt = false) => codeOf(door.get(sample(agoS), undefined, isExempt));
      const [early, middle, late] = [await answers(100), await answers(50), await answers(10)];
      door.state.past = rules;
      const isTimed = ['segment', 'instant', 'clip'].includes(effect) || (effect === 'cut' && sample(1) !== sample(9));
      // The fixture has no captions and no small pictures: their refusals stay what they are.
      assert.equal(await answers(50), middle, 'visible');
      if (isTimed && kind !== 'vsr-window') {
        assert.ok(refused.has(await answers(100)), `older than viewers rewind: ${await answers(100)}`);
        assert.ok(refused.has(await answers(10)), `newer than viewers see: ${await answers(10)}`);
      }
      assert.equal(await answers(100, true), early, 'with a right');
      assert.equal(await answers(10, true), late, 'with a right');
      door.state.past = { start: 'mark' };
      assert.ok(refused.has(await answers(50)), `before the start: ${await answers(50)}`);
      assert.equal(await answers(50, true), middle);
      door.state.past = { clips: false };
      assert.equal(await answers(50), effect === 'clip' ? 'clips-off' : middle);
      assert.equal(await answers(50, true), middle);
    });
  }

  test('segments are refused exactly where the live list has none, at 400 random moments and rules', async () => {
    await using door = await openDoor();
    const random = randomOf(20_261_129);
    for (let round = 0; round < 400; round++) {
      const rewindMs = 60_000 + random(40_000);
      const delayMs = 1000 + random(40_000);
      const markMs = nowMs - random(110_000);
      door.state.past = {
        ...(random(2) === 0 && { rewindMs }),
        ...(random(2) === 0 && { delayMs }),
        ...(random(2) === 0 && { start: 'mark' as const, markMs }),
        ...(random(4) === 0 && { clips: false as const }),
      };
      const listed = await msnsOf(door, '/live/door/av0/g7.m3u8').catch((): number[] => []);
      const msn = FIRST + random(COUNT);
      const code = await codeOf(door.get(`/live/door/av0/${msn}.m4s`));
      const about = JSON.stringify({ round, past: door.state.past, msn, listed: span(listed) });
      assert.equal(code === 'ok', listed.includes(msn), `${code} ${about}`);
      const { rewindMs: rewind, delayMs: delay = 0, start } = door.state.past;
      const begins = startMs + (msn - FIRST) * 2000;
      const isOld = rewind !== undefined && begins < nowMs - delay - rewind;
      const isBefore = start !== undefined && (begins < markMs || markMs > nowMs - delay);
      assert.equal(code === 'ok', !isOld && !isBefore && begins + 2000 <= nowMs - delay, `${code} ${about}`);
    }
  });
});

/** mulberry32: whole numbers below `most`. */
function randomOf(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * most);
  };
}
