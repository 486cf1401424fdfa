import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { printInit } from '@oxbow/media/isobmff/init';
import type { SegmentGroup } from '@oxbow/media/segment';
import { scanChunk } from './chunk-reader.ts';
import { openChunkWriter, type SealedChunk } from './chunk-writer.ts';
import { openLocalSegmentStore } from './local-segment-store.ts';
import {
  type Codec,
  groupsOf,
  initOf,
  openSources,
  pictureHashes,
  probe,
  runTool,
  type Sources,
  temporaryFolder,
} from './media.fixture.ts';

async function writeChunk(
  folder: string,
  groups: readonly SegmentGroup[],
  streamId = 's1',
): Promise<SealedChunk & { readonly path: string }> {
  const first = groups[0]!;
  await using writer = await openChunkWriter({
    store: openLocalSegmentStore({ folder }),
    utcMs: first.startUs / 1000,
    msn: first.msn,
    streamId,
    init: first.init,
    previousMsn: 7,
    sync: 'segment',
  });
  for (const group of groups) await writer.append(group);
  const sealed = await writer.seal();
  return { ...sealed, path: join(folder, sealed.location) };
}

suite('a sealed chunk file is an ordinary MP4', () => {
  let sources: Sources;
  before(async () => {
    sources = await openSources(8);
  });
  after(() => sources[Symbol.asyncDispose]());

  for (const codec of ['h264', 'h264-open-gop', 'h264-no-b', 'hevc'] satisfies Codec[]) {
    test(`${codec}: no warning, start 0, right length, every picture of the source`, async () => {
      await using folder = await temporaryFolder();
      const { source, hashes } = await sources.of(codec);
      for (const offsetS of codec === 'h264' ? [100_000, 60_000_000] : [60_000_000]) {
        const { path } = await writeChunk(join(folder.path, `${offsetS}`), groupsOf(source, { offsetS }));
        const found = await probe(path);
        assert.equal(found.warnings, '');
        assert.equal(found.start, 0);
        assert.ok(Math.abs(found.duration - 8) < 0.05, `duration ${found.duration}`);
        assert.equal(found.streams[0]!.frames, 200);
        // FFmpeg compensates its audio priming with a longer first picture if there are no B-frames.
        assert.ok(Math.abs(found.streams[0]!.duration - 8) < 0.022, `video ${found.streams[0]!.duration}`);
        assert.deepEqual(await pictureHashes(path), hashes);
      }
    });
  }

  test('audio that starts up to a frame after the video keeps its distance', async () => {
    await using folder = await temporaryFolder();
    const { source, hashes } = await sources.of('h264');
    // A file in mid-stream, cut between two audio frames.
    const groups = groupsOf(source).slice(1);
    const [video, audio] = groups[0]!.tracks;
    const [videoTrack, audioTrack] = source.tracks;
    const late =
      (audio!.tfdt + audio!.firstPtsOffset) / audioTrack!.timescale -
      (video!.tfdt + video!.firstPtsOffset) / videoTrack!.timescale;
    assert.ok(late > 0.001 && late < 0.0214);
    const { path } = await writeChunk(folder.path, groups);
    const found = await probe(path);
    assert.equal(found.warnings, '');
    assert.equal(found.streams[0]!.start, 0);
    assert.ok(Math.abs(found.streams[1]!.start - late) < 0.00002, `${found.streams[1]!.start} for ${late}`);
    assert.deepEqual(await pictureHashes(path), hashes.slice(50));
  });

  test('audio alone, and video alone', async () => {
    await using folder = await temporaryFolder();
    const { source } = await sources.of('h264');
    for (const track of source.tracks) {
      const frames = source.frames.filter((frame) => frame.trackId === track.id);
      const groups = groupsOf({ tracks: [track], frames });
      const ticks = frames.reduce((sum, { duration }) => sum + duration, 0);
      const { path } = await writeChunk(join(folder.path, track.kind), groups);
      const found = await probe(path);
      assert.equal(found.warnings, '');
      assert.equal(found.start, 0);
      assert.ok(Math.abs(found.duration - ticks / track.timescale) < 0.001, `duration ${found.duration}`);
    }
  });

  test('its byte ranges are still CMAF: init and segments 1 to 2 decode, at their absolute time', async () => {
    await using folder = await temporaryFolder();
    const { source, hashes } = await sources.of('h264');
    const sealed = await writeChunk(folder.path, groupsOf(source));
    const file = await readFile(sealed.path);
    const ranges = sealed.groups.slice(1, 3).map(({ tracks }) => {
      const { offset, length } = tracks[0]!;
      return file.subarray(offset, offset + length);
    });
    const path = join(folder.path, 'ranges.mp4');
    await writeFile(path, Buffer.concat([printInit([source.tracks[0]!]), ...ranges]));
    const found = await probe(path);
    assert.equal(found.warnings, '');
    assert.ok(Math.abs(found.start - 100_002.08) < 0.001, `start ${found.start}`);
    assert.deepEqual(await pictureHashes(path), hashes.slice(50, 150));
  });

  test('an open file plays too, with both tracks in sync', async () => {
    await using folder = await temporaryFolder();
    const { source } = await sources.of('h264');
    const groups = groupsOf(source);
    const first = groups[0]!;
    await using store = openLocalSegmentStore({ folder: folder.path });
    await using writer = await openChunkWriter({
      store,
      utcMs: 0,
      msn: first.msn,
      streamId: 's',
      init: first.init,
      previousMsn: 0,
      sync: 'off',
    });
    for (const group of groups) await writer.append(group);
    const found = await probe(join(folder.path, writer.location));
    assert.equal(found.warnings, '');
    const [video, audio] = found.streams;
    assert.ok(Math.abs(video!.start - audio!.start) < 0.022, `${video!.start} ${audio!.start}`);
    const scanned = await scanChunk(store, writer.location);
    assert.equal(scanned.state, 'open');
    assert.deepEqual(scanned.groups, writer.groups);
  });

  test('the seal box has the groups that append returned, and the head has stream, init and previous MSN', async () => {
    await using folder = await temporaryFolder();
    const { source } = await sources.of('h264-no-b');
    const groups = groupsOf(source);
    const sealed = await writeChunk(folder.path, groups, 'stream-7');
    await using store = openLocalSegmentStore({ folder: folder.path });
    const scanned = await scanChunk(store, sealed.location);
    assert.equal(scanned.state, 'sealed');
    assert.equal(scanned.length, sealed.length);
    assert.deepEqual(scanned.groups, sealed.groups);
    assert.deepEqual(scanned.tracks, source.tracks);
    const { number: initNumber, hash: initHash } = initOf(source.tracks);
    assert.deepEqual(scanned.head, { streamId: 'stream-7', rendition: 'source', initNumber, initHash, previousMsn: 7 });
    const { out } = await runTool(
      'ffprobe',
      '-v',
      'error',
      '-show_entries',
      'format=nb_streams',
      '-of',
      'csv=p=0',
      sealed.path,
    );
    assert.equal(out.trim(), '2');
  });
});
