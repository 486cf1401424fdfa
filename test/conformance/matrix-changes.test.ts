/**
 * The matrix of media, third side: what changes in mid-stream, and what goes missing.
 * docs/media.md 1 to 5, 10 and 11, 14 and 15.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { need } from '../fixtures/need.ts';
import { assertLive, lastList, playerOf } from './harness/assertions.ts';
import { encode, type Media, withHole } from './harness/encoded-media.ts';
import { STREAM, StreamHarness } from './harness/stream-harness.ts';

const usual = () => encode({ seconds: 11, rate: '25', gopS: 2 });

/** Boundaries between segments, from the first to the last: `|` for a DISCONTINUITY. */
function shape({ segments }: MediaPlaylist): string {
  return segments.map(({ discontinuity, gap }) => `${discontinuity ? '|' : ''}${gap ? 'G' : '.'}`).join('');
}

/** The newest list of a rendition. */
const newest = (harness: StreamHarness, rendition: string) => lastList(playerOf(harness, rendition)).list;

/** Generations of a rendition, oldest first, and whether each has ended. */
function generations(harness: StreamHarness, rendition: string): boolean[] {
  return [...harness.players].filter(([path]) => path.includes(`/${rendition}/`)).map(([, { ended }]) => ended);
}

async function multivariant(harness: StreamHarness) {
  const { text, status, code } = await harness.fetch(`/live/${STREAM}/index.m3u8`);
  assert.equal(status, 200, code);
  const parsed = parsePlaylist(text);
  assert.equal(parsed.kind, 'multivariant');
  return parsed.playlist;
}

/** Says of the audio that it is AAC Main, of which no silent frame can be made. */
function asAacMain(media: Media): Media {
  const record = Uint8Array.of(0x09, 0x90);
  const tracks = media.tracks.map((track) =>
    track.kind === 'audio' ? { ...track, config: { ...track.config, record, codecs: 'mp4a.40.1' } } : track,
  );
  return { ...media, tracks };
}

/** Plays media one after the other. */
async function inTurn(harness: StreamHarness, ...media: readonly Media[]): Promise<void> {
  for (const each of media) await harness.play(each);
}

suite('media that changes', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  test('another codec ends the playlist and starts another generation', async () => {
    await using harness = await StreamHarness.open();
    const before = await encode({ seconds: 8, rate: '25', gopS: 2 });
    await inTurn(harness, before, await encode({ seconds: 8, rate: '25', gopS: 2, codec: 'hevc' }));
    assert.deepEqual(generations(harness, 'av0'), [true, false]);
    assert.match((await multivariant(harness)).variants[0]!.codecs!, /^hvc1/);
    const [old, fresh] = [...harness.players.values()].filter(({ path }) => path.includes('/av0/')).map(lastList);
    assert.ok(fresh!.list.mediaSequence > old!.list.mediaSequence + old!.list.segments.length - 1);
    await harness.end();
    await assertLive(harness);
  });

  test('another resolution continues in the playlist, after a DISCONTINUITY, with another EXT-X-MAP', async () => {
    await using harness = await StreamHarness.open();
    const plan = { seconds: 8, rate: '25', gopS: 2 };
    const [small, large] = [await encode(plan), await encode({ ...plan, size: '192x108' })];
    await inTurn(harness, small, large, small);
    const list = newest(harness, 'av0');
    assert.equal(shape(list), '....|....|....');
    const maps = list.segments.map(({ map }) => map!.uri);
    assert.equal(new Set(maps).size, 2, 'a configuration that returns has the number that it had');
    assert.equal(maps[0], maps.at(-1));
    await harness.end();
    // The index describes the new media a moment before its first part is available.
    await assertLive(harness, ['resolution-true']);
  });

  for (const [name, audio] of [
    ['mono becomes stereo', { channels: 1 }],
    ['another sample rate', { sampleRate: 44_100 }],
  ] as const) {
    test(`${name}: the playlist continues after a DISCONTINUITY`, async () => {
      await using harness = await StreamHarness.open();
      await inTurn(harness, await encode({ seconds: 8, rate: '25', gopS: 2, audio: [audio] }), await usual());
      assert.equal(shape(newest(harness, 'a0')), '....|......');
      assert.equal(new Set(newest(harness, 'a0').segments.map(({ map }) => map!.uri)).size, 2);
      await harness.end();
      await assertLive(harness);
    });
  }

  test('a track that is dropped and returns starts a generation each time', async () => {
    await using harness = await StreamHarness.open();
    const plan = { seconds: 6, rate: '25', gopS: 2 };
    await inTurn(harness, await encode(plan), await encode({ ...plan, audio: [] }), await encode(plan));
    assert.deepEqual(generations(harness, 'av0'), [true, false]);
    assert.deepEqual(generations(harness, 'v0'), [true, true, false]);
    await harness.end();
    await assertLive(harness);
  });

  test('a gap in the audio is filled with silence and is not in any playlist', async () => {
    await using harness = await StreamHarness.open();
    await harness.play(withHole(await usual(), 'audio', 4.5, 8.3));
    assert.equal(shape(newest(harness, 'a0')), '......');
    assert.equal(shape(newest(harness, 'av0')), '......');
    await harness.end();
    await assertLive(harness);
  });

  test('a gap in audio that cannot be filled is EXT-X-GAP, with the same MSNs', async () => {
    await using harness = await StreamHarness.open();
    const media = await encode({ seconds: 14, rate: '25', gopS: 2 });
    await harness.play(withHole(asAacMain(media), 'audio', 3.5, 9.1));
    assert.equal(shape(newest(harness, 'a0')), '..GG...');
    for (const rendition of ['av0', 'v0']) assert.equal(shape(newest(harness, rendition)), '.......');
    await harness.end();
    // The audio ends and begins again within a segment; meanwhile the muxed rendition has pictures alone.
    await assertLive(harness, ['date-agrees', 'aligned-dates', 'decode-continuity', 'tracks-together', 'track-known']);
  });

  test('a source with a slow clock gets a new anchor: only the dates of the live playlist step', async () => {
    await using harness = await StreamHarness.open();
    const media = await encode({ seconds: 96, rate: '10', gopS: 2, audio: [] });
    await harness.play(media, { clock: 'arrival', speed: 0.98, seenFromS: 66 });
    const list = newest(harness, 'v0');
    assert.equal(shape(list).includes('|'), false);
    const steps = list.segments.flatMap(({ programDateTimeMs }, i) => {
      const before = list.segments[i - 1]?.programDateTimeMs;
      return before === undefined ? [] : [Math.round(programDateTimeMs! - before)];
    });
    assert.equal(steps.filter((ms) => ms > 2200).length, 1, steps.join(' '));
    await harness.end();
    // hls.js and shaka take a step of the dates without a stall, not a DISCONTINUITY (docs/media.md 1).
    await assertLive(harness, ['date-agrees']);
  });

  for (const crash of [false, true]) {
    test(`after a ${crash ? 'crash' : 'restart'} the old playlist ends, and the next one has new MSNs`, async () => {
      await using harness = await StreamHarness.open();
      await harness.play(await usual());
      await harness.restart(3000, { crash });
      await harness.play(await usual());
      assert.deepEqual(generations(harness, 'av0'), [true, false]);
      const [old, fresh] = [...harness.players.values()].filter(({ path }) => path.includes('/av0/')).map(lastList);
      assert.ok(fresh!.list.mediaSequence > old!.list.mediaSequence + old!.list.segments.length - 1);
      assert.ok(fresh!.list.discontinuitySequence >= old!.list.discontinuitySequence);
      await harness.end();
      // The end of a process seals what it has; a crash takes along the parts of the segment in the making.
      await assertLive(harness, [crash ? 'reload-grows' : 'parts-are-segment']);
    });
  }

  test('a gap of 3 s in all tracks is a DISCONTINUITY with another time', async () => {
    await using harness = await StreamHarness.open();
    await harness.play(withHole(await encode({ seconds: 16, rate: '25', gopS: 2 }), 'all', 5, 8));
    const list = newest(harness, 'av0');
    assert.equal(shape(list), '...|....');
    const times = list.segments.map(({ programDateTimeMs }) => programDateTimeMs!);
    assert.equal(times[3]! - times[2]!, 4000, 'the second half of the GOP is missing too');
    await harness.end();
    await assertLive(harness);
  });

  test('a gap in the video is one in all tracks: its audio is dropped, and no segment becomes longer', async () => {
    await using harness = await StreamHarness.open();
    await harness.play(withHole(await encode({ seconds: 24, rate: '25', gopS: 2 }), 'video', 6, 14));
    for (const rendition of ['av0', 'v0', 'a0']) assert.equal(shape(newest(harness, rendition)), '...|.....');
    await harness.end();
    await assertLive(harness);
  });

  test('a source that returns within the linger continues in the same playlist', async () => {
    await using harness = await StreamHarness.open();
    await harness.play(await usual());
    await harness.down(20_000);
    assert.equal((await harness.fetch(`/live/${STREAM}/index.m3u8`)).status, 200);
    await harness.play(await usual());
    assert.deepEqual(generations(harness, 'av0'), [false]);
    assert.equal(shape(newest(harness, 'av0')), '......|......');
    await harness.end();
    await assertLive(harness);
  });

  test('a source that stays away: ENDLIST, 404 stream-offline with Retry-After, then another generation', async () => {
    const linger = { push: 20, pull: 20 };
    await using harness = await StreamHarness.open({ config: { live: { linger } } });
    await harness.play(await usual());
    const ended = Promise.withResolvers<void>();
    harness.stream.served.list.changes.subscribe(() => harness.stream.served.list.ended && ended.resolve());
    // The linger ends in real time: no player polls meanwhile.
    harness.rig.source(STREAM).input.absent('source-down', 'the harness is empty');
    await ended.promise;
    await harness.pause(20_000);
    assert.deepEqual(generations(harness, 'av0'), [true]);
    const offline = await harness.fetch(`/live/${STREAM}/index.m3u8`);
    assert.deepEqual([offline.status, offline.code], [404, 'stream-offline']);
    assert.ok(Number(offline.headers['retry-after']) > 0);
    await harness.play(await usual());
    assert.deepEqual(generations(harness, 'av0'), [true, false]);
    await harness.end();
    await assertLive(harness);
  });
});
