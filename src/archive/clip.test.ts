import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { planClip } from '@oxbow/media/isobmff/clip/clip-header';
import { rebaseSegment } from '@oxbow/media/isobmff/clip/clip-segment';
import type { ClipGroup } from '@oxbow/media/isobmff/clip/clip-times';
import type { SegmentGroup } from '@oxbow/media/segment';
import {
  groupsOf,
  openSources,
  pictureHashes,
  probe,
  runTool,
  type Sources,
  temporaryFolder,
} from './media.fixture.ts';

/** A group as the index has it. */
function rowsOf(groups: readonly SegmentGroup[]): ClipGroup[] {
  return groups.map(({ discontinuity, tracks }) => ({
    discontinuity,
    tracks: tracks.map(({ bytes, ...segment }) => ({ ...segment, length: bytes.length })),
  }));
}

async function writeClip(path: string, groups: readonly SegmentGroup[]) {
  const plan = planClip(groups[0]!.init.tracks, rowsOf(groups));
  const pieces = groups.flatMap((group, i) =>
    group.tracks.map(({ bytes }, k) => rebaseSegment(bytes, plan.deltas[i]![k]!, i)),
  );
  const file = Buffer.concat([plan.header, ...pieces]);
  assert.equal(file.length, plan.length);
  await writeFile(path, file);
  return plan;
}

suite('a clip of complete stored segments', () => {
  let sources: Sources;
  before(async () => {
    sources = await openSources(10);
  });
  after(() => sources[Symbol.asyncDispose]());

  test('starts at 0, has its length, its pictures, and its tracks in sync', async () => {
    await using folder = await temporaryFolder();
    const { source, hashes } = await sources.of('h264');
    for (const [from, to] of [
      [0, 5],
      [1, 4],
    ] as const) {
      const groups = groupsOf(source, { offsetS: 60_000_000 }).slice(from, to);
      const path = join(folder.path, 'clip.mp4');
      const plan = await writeClip(path, groups);
      const found = await probe(path);
      assert.equal(found.warnings, '');
      assert.equal(found.start, 0);
      const seconds = 2 * (to - from);
      assert.ok(Math.abs(found.duration - seconds) < 0.03, `duration ${found.duration}`);
      assert.ok(Math.abs(plan.duration / 90_000 - seconds) < 0.03);
      assert.equal(found.streams[0]!.start, 0);
      const [video, audio] = groups[0]!.tracks;
      const [videoTrack, audioTrack] = source.tracks;
      const late =
        (audio!.tfdt + audio!.firstPtsOffset) / audioTrack!.timescale -
        (video!.tfdt + video!.firstPtsOffset) / videoTrack!.timescale;
      assert.ok(Math.abs(found.streams[1]!.start - late) < 0.00003, `${found.streams[1]!.start} for ${late}`);
      assert.deepEqual(await pictureHashes(path), hashes.slice(from * 50, to * 50));
    }
  });

  test('seeks by its sidx', async () => {
    await using folder = await temporaryFolder();
    const { source, hashes } = await sources.of('h264');
    const path = join(folder.path, 'clip.mp4');
    await writeClip(path, groupsOf(source));
    const times = [0, 1, 2, 3.9, 4, 5.4, 7];
    const inputs = times.flatMap((at) => ['-ss', `${at}`, '-threads', '1', '-i', path]);
    const list = (i: number) => join(folder.path, `${i}.md5`);
    const outputs = times.flatMap((_, i) => ['-map', `${i}:v`, '-frames:v', '1', '-f', 'framemd5', list(i)]);
    await runTool('ffmpeg', '-v', 'error', ...inputs, ...outputs);
    for (const [i, at] of times.entries()) {
      const line = (await readFile(list(i), 'utf8')).trim().split('\n').at(-1)!;
      assert.equal(hashes.indexOf(line.split(',').at(-1)!.trim()), Math.ceil(at * 25), `at ${at} s`);
    }
  });

  test('has no gap at a missing segment or at a new run with other timestamps', async () => {
    await using folder = await temporaryFolder();
    const { source, hashes } = await sources.of('h264');
    const before = groupsOf(source, { offsetS: 100_000 });
    const later = groupsOf(source, { offsetS: 50 });
    const groups = [
      before[0]!,
      before[1]!,
      { ...before[3]!, discontinuity: true },
      { ...later[2]!, discontinuity: true },
    ];
    const path = join(folder.path, 'clip.mp4');
    await writeClip(path, groups);
    const found = await probe(path);
    assert.equal(found.warnings, '');
    assert.equal(found.start, 0);
    assert.ok(Math.abs(found.duration - 8) < 0.1, `duration ${found.duration}`);
    const expected = [0, 1, 3, 2].flatMap((index) => hashes.slice(index * 50, index * 50 + 50));
    assert.deepEqual(await pictureHashes(path), expected);
  });

  test('HEVC, and audio alone', async () => {
    await using folder = await temporaryFolder();
    const { source } = await sources.of('hevc');
    const audio = { tracks: source.tracks.slice(1), frames: source.frames.filter(({ trackId }) => trackId === 2) };
    for (const [i, groups] of [groupsOf(source), groupsOf(audio)].entries()) {
      const path = join(folder.path, `clip${i}.mp4`);
      await writeClip(path, groups);
      const found = await probe(path);
      assert.equal(found.warnings, '');
      assert.equal(found.start, 0);
      assert.ok(Math.abs(found.duration - 10) < 0.1, `duration ${found.duration}`);
    }
  });
});
