/**
 * The matrix of media, derived qualities: through follower, live windows and delivery, beside the stream.
 * docs/media.md 6, 10, 14, 15, 15a.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { parsePlaylist } from '@oxbow/media/m3u8/parse';
import { Repacketizer } from '../../src/packager/follower.fixture.ts';
import { need } from '../fixtures/need.ts';
import { Follower, printFindings } from './checker.ts';
import { assertLive, lastList, playerOf } from './harness/assertions.ts';
import { encode } from './harness/encoded-media.ts';
import { resolve } from './harness/recording-player.ts';
import { STREAM, StreamHarness } from './harness/stream-harness.ts';

/** Attaches an encoder whose pictures are those of the stream, this much later. */
function attach(harness: StreamHarness, rung: string, delayS: number): Repacketizer {
  const { stream, derived } = harness.stream;
  const encoder = new Repacketizer(derived.inputs.open(rung)!, delayS, { isSame: true });
  stream.sinks.attach(encoder, { name: `encoder ${rung}` });
  return encoder;
}

suite('derived qualities', { skip: need('ffmpeg'), concurrency: 2 }, () => {
  test('two of a stream with parts, later by different times, satisfy every rule', async () => {
    await using harness = await StreamHarness.open();
    attach(harness, '180', 0.5);
    attach(harness, '90', 0);
    await harness.play(await encode({ seconds: 11, rate: '25', gopS: 2 }));
    const [source, ...others] = ['av0', 'av0-180', 'av0-90'].map((id) => lastList(playerOf(harness, id)).list);
    for (const list of others) {
      assert.equal(list.partTargetS, source!.partTargetS);
      assert.equal(list.mediaSequence, source!.mediaSequence);
    }
    await harness.end();
    await assertLive(harness);
  });

  test('one of a source in bursts satisfies every rule', async () => {
    await using harness = await StreamHarness.open();
    attach(harness, '180', 0);
    await harness.play(await encode({ seconds: 16, rate: '25', gopS: 2 }), { burstS: 4 });
    await harness.end();
    await assertLive(harness);
    assert.ok(playerOf(harness, 'av0-180').received.length > 0);
  });

  test('one that loses pictures for a while has GAP segments, and satisfies every rule', async () => {
    await using harness = await StreamHarness.open();
    const encoder = attach(harness, '180', 0);
    const media = await encode({ seconds: 16, rate: '25', gopS: 2 });
    const first = media.frames[0]!.dts;
    encoder.drops = ({ dts }) => dts > first + 5 * 90_000 && dts < first + 7 * 90_000;
    await harness.play(media);
    const { list } = lastList(playerOf(harness, 'av0-180'));
    assert.ok(list.segments.some(({ gap }) => gap));
    assert.equal(list.segments.findLast(({ uri }) => uri !== '')!.gap, false);
    await harness.end();
    // The parts at the beginning of the first segment were listed: it is shorter than its EXTINF, and no GAP.
    await assertLive(harness, ['part-sum', 'extinf-true']);
  });

  test('recorded ones are variants of windows and DVR playlists, and satisfy every rule there', async () => {
    await using harness = await StreamHarness.open({ players: false });
    await harness.rig.api.update(STREAM, { recordQualities: true });
    attach(harness, '180', 0.5);
    const fromS = Math.floor(harness.nowMs / 1000);
    const media = await encode({ seconds: 16, rate: '25', gopS: 2 });
    await harness.play(media, { seenFromS: Number.POSITIVE_INFINITY });
    const dvr = new Follower((path) => harness.fetch(path), `/live/${STREAM}/dvr-30m/index.m3u8`, { still: true });
    await dvr.look();
    const list = await harness.fetch(`/live/${STREAM}/dvr-30m/index.m3u8`);
    assert.match(list.text, /av0-180\/g/);
    // The second run follows the end of a process.
    await harness.restart(20_000, { crash: true });
    attach(harness, '180', 0.5);
    await harness.play(media, { seenFromS: Number.POSITIVE_INFINITY });
    await harness.end();
    const folder = `/vod/${STREAM}/${fromS}/60s`;
    assert.match((await harness.fetch(`${folder}/index.m3u8`)).text, /av0-180\.m3u8/);
    const past = new Follower((path) => harness.fetch(path), `${folder}/index.m3u8`, { still: true });
    await past.look();
    for (const checker of [dvr, past]) {
      const found = await checker.finish();
      assert.equal(printFindings(found.filter(({ severity }) => severity === 'must')), '');
    }
    await assertSeam(harness, folder);
  });
});

/**
 * The pictures of a quality and of its source are the same ones, over the seam of two runs: these encoders
 * copy them.
 */
async function assertSeam(harness: StreamHarness, folder: string): Promise<void> {
  const framesOf = async (rendition: string): Promise<string[]> => {
    const { text } = await harness.fetch(`${folder}/${rendition}.m3u8`);
    const parsed = parsePlaylist(text);
    assert.ok(parsed.kind === 'media' && text.includes('#EXT-X-DISCONTINUITY\n'));
    const bytes = await Promise.all(
      parsed.playlist.segments.map(async ({ uri }) => (await harness.fetch(resolve(`${folder}/`, uri))).body),
    );
    return bytes.flatMap((one) => parseSegment(one)!.map(({ dts, pts, data }) => `${dts} ${pts} ${data.length}`));
  };
  const [own, source] = await Promise.all(['v0-180', 'v0'].map(framesOf));
  assert.ok(own!.length > 500);
  assert.deepEqual(own, source);
}
