import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { MediaPlaylist } from '@oxbow/media/m3u8/playlist';
import { scanChunk } from '../../src/archive/chunk-reader.ts';
import { openLocalSegmentStore } from '../../src/archive/local-segment-store.ts';
import { segmentLocation } from '../../src/archive/segment-store.ts';
import { probe } from '../fixtures/ffmpeg.ts';
import { hold } from '../fixtures/hold.ts';
import { copyMadeFolder } from '../fixtures/media/made-once.ts';
import { need } from '../fixtures/need.ts';
import { openOrigin } from '../fixtures/origin.ts';
import { readFirstVariant, readMedia, readMultivariant } from '../fixtures/playlists.ts';
import { chunkFiles } from '../fixtures/recordings.ts';
import { type Folder, isRunning, openFolder, startPlainServer } from '../fixtures/server.ts';
import { assertCovered } from '../fixtures/timeline.ts';
import { until } from '../fixtures/wait.ts';

/**
 * More than the socket buffers of both sides hold, so that a download that is not read is really under way.
 */
const LARGE_BYTES = 16 * 1024 * 1024;

/** Makes a finished HLS source of noise, once on a machine: few seconds, many bytes. */
const makeLarge = (folder: string): Promise<void> =>
  copyMadeFolder(
    [
      ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25:duration=8,noise=alls=100:allf=t'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '8', '-g', '25', '-pix_fmt', 'yuv420p'],
      ...['-f', 'hls', '-hls_time', '1', '-hls_playlist_type', 'vod', 'index.m3u8'],
    ],
    folder,
  );

/** Begins a request and stops reading as soon as the answer's head is there. */
async function begin(url: string): Promise<IncomingMessage> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
  response.pause();
  return response;
}

/** Number of the segment that comes behind those that are whole. */
function behind({ mediaSequence, segments }: MediaPlaylist): number {
  return mediaSequence + segments.filter(({ uri }) => uri !== '').length;
}

async function rest(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

suite('SIGTERM', { skip: need('ffmpeg') }, () => {
  let folder: Folder;
  let config: string;
  before(async () => {
    folder = await openFolder('shutdown');
    config = join(folder.path, 'oxbow.yaml');
    await makeLarge(join(folder.path, 'large'));
    const picture = '{ width: 320, height: 180 }';
    await writeFile(config, `testPicture: ${picture}\nstreams:\n  cam: { source: { type: test } }\n`);
  });
  after(() => folder[Symbol.asyncDispose]());

  test('completes requests, seals the files, leaves no process; the next start continues', async () => {
    const data = join(folder.path, 'data');
    const args = ['--config', config];
    await using origin = await openOrigin({ folder: join(folder.path, 'large') });
    await using first = await startPlainServer({ data, args: [...args, `large=${origin.url}/index.m3u8`] });
    const large = await until('all of the large stream is recorded', async () => {
      const { recorded } = await first.stream('large', 'over');
      return recorded.seconds > 7.9 && recorded;
    });
    await first.stream('cam');
    const clip = `/clip/large/${Math.floor(Date.parse(large.from!) / 1000)}/60.mp4`;
    const whole = await first.bytes(clip);
    assert.ok(whole.length > LARGE_BYTES, `the clip has ${whole.length} bytes`);
    const children = first.log().flatMap((line) => (line.msg === 'test picture started' ? [line.pid as number] : []));
    assert.equal(children.length, 1);
    assert.ok(isRunning(children[0]!));

    const before = await readFirstVariant(first, '/live/cam/index.m3u8');
    const index = await readMultivariant(first, '/live/cam/index.m3u8');
    const download = await begin(`${first.url}${clip}`);
    const abandoned = await begin(`${first.url}${clip}`);
    const next = behind(before.list);
    const held = await hold({
      ask: async () => {
        const { path, list } = await readFirstVariant(first, '/live/cam/index.m3u8');
        return { answer: first.fetch(`${path}?_HLS_msn=${behind(list) + 1}&_HLS_part=0`) };
      },
      metrics: async () => Buffer.from(await first.bytes('/metrics')).toString(),
    });
    const stopping = first.stop();
    // What was under way is waited for, though not for long.
    const downloaded = rest(download);
    const answered = await held.answer;
    if (answered.status === 200) assert.match(await answered.text(), /^#EXTM3U/);
    else {
      assert.equal(answered.status, 503);
      assert.match(answered.headers.get('content-type')!, /^application\/problem\+json/);
      assert.match(answered.headers.get('cache-control') ?? 'no-store', /no-store/);
      assert.ok(answered.headers.get('retry-after'));
      await answered.body?.cancel();
    }
    assert.ok((await downloaded).equals(whole), 'the download is complete');
    const ended = await stopping;
    const stoppedMs = Date.now();
    assert.deepEqual([ended.code, ended.signal], [0, null], first.stderr);
    await assert.rejects(rest(abandoned), 'who does not read is cut off');
    assert.ok(!isRunning(children[0]!), 'the test picture is gone');
    assert.deepEqual(first.log('error'), []);
    const lastLine = first.log().at(-1)!;
    assert.deepEqual([lastLine.msg, lastLine.level, lastLine.reason], ['oxbow stopped', 'info', 'SIGTERM']);
    assert.ok(Number(lastLine.tookMs) > 0 && Number(lastLine.tookMs) <= ended.ms);

    for (const file of [...(await chunkFiles(data)).values()].flat()) {
      await using segments = openLocalSegmentStore({ folder: dirname(file) });
      assert.equal((await scanChunk(segments, segmentLocation(basename(file)))).state, 'sealed', file);
      assert.equal((await probe(file)).startS, 0);
    }

    await using second = await startPlainServer({ data, args });
    await second.stream('cam');
    const again = await readMultivariant(second, '/live/cam/index.m3u8');
    // Its MSNs jump, so the list is another one (RFC 8216bis 6.2.2); the one before is as it was, and ended.
    assert.notDeepEqual(
      again.variants.map(({ uri }) => uri),
      index.variants.map(({ uri }) => uri),
    );
    const over = await readMedia(second, before.path);
    assert.equal(over.list.endList, true);
    const last = before.list.segments.filter(({ uri }) => uri !== '').map(({ uri }) => uri);
    const listed = over.list.segments.map(({ uri }) => uri);
    assert.deepEqual(listed.slice(listed.indexOf(last[0]!), listed.indexOf(last[0]!) + last.length), last);
    const { list } = await readFirstVariant(second, '/live/cam/index.m3u8');
    assert.equal(list.targetDurationS, before.list.targetDurationS);
    assert.equal(list.partTargetS, before.list.partTargetS);
    assert.ok(list.mediaSequence >= next, `${list.mediaSequence} was never used before ${next}`);
    assert.equal(list.segments[0]!.discontinuity, true);

    const timeline = await until('new media is on the timeline', async () => {
      const read = await second.timeline('cam');
      return read.spans.at(-1)!.to > read.offline.at(-1)!.to && read;
    });
    assertCovered(timeline);
    // A loaded machine may hold the test picture up: what it then leaves out is rightly listed.
    for (const { cause } of timeline.gaps) assert.equal(cause, 'source-skipped');
    // Before its first picture the stream was offline too, if that took half a second or more.
    const { from, to } = timeline.offline.at(-1)!;
    assert.ok(timeline.spans.some((span) => span.to === from) && timeline.spans.some((span) => span.from === to));
    assert.ok(
      Date.parse(from) < stoppedMs && Date.parse(to) > stoppedMs,
      `${from} to ${to} is the time between both lives`,
    );
    assert.equal((await second.stop()).code, 0);
  });
});
