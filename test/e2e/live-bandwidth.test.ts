/**
 * BANDWIDTH and AVERAGE-BANDWIDTH of live lists follow a source whose bit rate doubles and halves again, and
 * a quality that is made of it.
 * In: one publication by ffmpeg. Out: what the Multivariant Playlist says beside the bytes of the segments.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { PeakRate } from '@oxbow/media/peak-rate';
import type { CreatedPublishKey } from '../../src/api/publish/publish-shapes.ts';
import { run } from '../fixtures/ffmpeg.ts';
import { need } from '../fixtures/need.ts';
import { readMedia, readMultivariant, resolvePath } from '../fixtures/playlists.ts';
import { publishByFfmpeg } from '../fixtures/publishers/publishers.ts';
import { post } from '../fixtures/publishers/push-streams.ts';
import { openFolder, type Server, startPlainServer } from '../fixtures/server.ts';
import { until } from '../fixtures/wait.ts';
import { isFull } from '../full.ts';

const INDEX = '/live/studio/index.m3u8';
/** Media of a rate, and length of the list, seconds: it is shorter than five target durations. */
const PIECE_S = 18;
const WINDOW_S = 12;
/** What may be listed above what was measured: room for the next segments, and one step (docs/media.md). */
const MOST = 1.25 * 1.2;

/** Video of a constant bit rate: noise takes all that it may. */
async function encode(path: string, kbps: number, seconds: number): Promise<void> {
  const rate = ['-b:v', `${kbps}k`, '-minrate', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps / 4}k`];
  const picture = `testsrc2=size=320x180:rate=25:duration=${seconds},noise=alls=60:allf=t`;
  const codec = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-tune',
    'zerolatency',
    '-g',
    '25',
    '-sc_threshold',
    '0',
    '-level:v',
    '30',
  ];
  const sound = ['-f', 'lavfi', '-i', `sine=duration=${seconds}`, '-c:a', 'aac', '-ar', '48000', '-b:a', '32k'];
  const inputs = ['-v', 'error', '-f', 'lavfi', '-i', picture, ...sound.slice(0, 4)];
  const { code, stderr } = await run('ffmpeg', [
    ...['-nostdin', ...inputs, ...codec, ...rate, '-pix_fmt', 'yuv420p', ...sound.slice(4), path],
  ]);
  assert.equal(code, 0, stderr);
}

/** Bit rates of a variant as it is listed, and as its segments are. Bits per second. */
interface Rates {
  readonly bandwidth: number;
  readonly average: number;
  readonly peak: number;
  readonly mean: number;
}

async function ratesOf(server: Server, name: string): Promise<Rates | undefined> {
  const variants = (await readMultivariant(server, INDEX)).variants;
  const variant = variants.find(({ uri }) => uri.startsWith(`${name}/`));
  if (!variant) return undefined;
  const path = resolvePath(variant.uri, INDEX);
  const { list } = await readMedia(server, path);
  const whole = list.segments.filter(({ uri, gap }) => uri !== '' && !gap);
  const bits = await Promise.all(whole.map(async ({ uri }) => (await server.bytes(resolvePath(uri, path))).length * 8));
  const measured = new PeakRate(list.targetDurationS);
  for (const [i, { durationS }] of whole.entries()) measured.add(durationS * 1e6, bits[i]! / 8);
  return {
    bandwidth: variant.bandwidth,
    average: variant.averageBandwidth ?? Number.NaN,
    peak: measured.rate,
    mean: measured.average,
  };
}

/** The list says at least what is needed, and not more than a step above it. */
const isTrue = ({ bandwidth, average, peak, mean }: Rates) =>
  bandwidth >= 0.98 * peak && bandwidth <= 1.02 * MOST * peak && Math.abs(average - mean) <= 0.2 * mean;

suite('the bit rates of live lists', { skip: need('ffmpeg') }, () => {
  test('follow a source that doubles its rate, and one that halves it again', async (t: TestContext) => {
    await using folder = await openFolder('live-bandwidth');
    const [low, high] = [join(folder.path, 'low.mp4'), join(folder.path, 'high.mp4')];
    await encode(low, 400, PIECE_S);
    await encode(high, 800, PIECE_S);
    const list = join(folder.path, 'list.txt');
    const pieces = isFull ? [low, high, low, low] : [low, high];
    await writeFile(list, pieces.map((path) => `file '${path}'\n`).join(''));
    const film = join(folder.path, 'film.mp4');
    const joined = await run('ffmpeg', ['-nostdin', '-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', film]);
    assert.equal(joined.code, 0, joined.stderr);
    const args = ['--hls-window', `${WINDOW_S}s`, '--hls-segment-duration', '1s'];
    await using server = await startPlainServer({
      args,
      data: join(folder.path, 'data'),
      adminToken: 'a-token-for-this-test',
      ingest: ['rtmp'],
      sample: false,
    });
    const source = { type: 'push' };
    await post(server, '/streams', { name: 'studio', source, ladder: '144p', ladderStart: 'always', record: false });
    const { key } = await post<CreatedPublishKey>(server, '/streams/studio/keys', { label: 'test' });
    await using publisher = publishByFfmpeg(film, `${server.ingest.rtmp}/studio?key=${key}`);
    await server.stream('studio');

    const comes = (what: string, name: string, isIt: (rates: Rates) => boolean) =>
      until(what, async () => {
        const rates = await ratesOf(server, name);
        if (!rates || !isTrue(rates) || !isIt(rates)) return false;
        const { bandwidth, average, peak, mean } = rates;
        const kbps = [bandwidth, peak, average, mean].map((bits) => Math.round(bits / 1000));
        t.diagnostic(`${what}: BANDWIDTH ${kbps[0]} of ${kbps[1]}, AVERAGE-BANDWIDTH ${kbps[2]} of ${kbps[3]} kbit/s`);
        return rates;
      });
    const before = await comes('the source at its first rate', 'av0', ({ mean }) => mean < 600_000);
    // An encoder on a busy machine may begin late: it has the whole film for it.
    const quality = isFull ? comes('its quality', 'av0-144', () => true) : undefined;
    quality?.catch(() => undefined); // awaited below
    const after = await comes('the source at twice its rate', 'av0', ({ mean }) => mean > 1.7 * before.mean);
    assert.ok(after.bandwidth > 1.5 * before.bandwidth && after.average > 1.5 * before.average);
    const { list: media } = await readMedia(
      server,
      resolvePath((await readMultivariant(server, INDEX)).variants[0]!.uri, INDEX),
    );
    assert.ok(
      media.segments.every(({ discontinuity }) => !discontinuity),
      'viewers notice nothing',
    );
    if (!isFull) return;
    // The list keeps a peak until its segment leaves the window.
    const isAgain = ({ mean, bandwidth, average }: Rates) =>
      mean < 1.2 * before.mean && bandwidth < 0.7 * after.bandwidth && average < 0.7 * after.average;
    await comes('the source at its first rate again', 'av0', isAgain);
    await quality;
    assert.equal(publisher.stderr, '');
  });
});
