import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes } from '@oxbow/media/bytes';
import { seeded } from '@oxbow/media/random.fixture';
import { storyboardLocation } from '../../archive/recording-locations.ts';
import { bytesOf } from '../../archive/segment-stores.fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { suiteOnEngines } from '../recording.fixture.ts';
import { goTo, MARK, MINUTE, msnsOf, record, SECOND, WINDOW, watch } from '../retention.fixture.ts';
import { printPicture, scanPictures } from './storyboard-file.ts';
import { Storyboards } from './storyboards.ts';

/** A picture whose bytes show its second. */
const pictureAt = (s: number, reachMs = 20_000) => ({
  atUs: MARK + s * SECOND,
  reachMs,
  jpeg: Uint8Array.of(0xff, 0xd8, s >> 8, s & 255, 0xff, 0xd9),
});

test('a torn or changed file has the pictures before the damage, whatever the damage is', () => {
  const random = seeded(3);
  const pictures = Array.from({ length: 20 }, (_, i) => pictureAt(i * 10));
  const file = concatBytes(pictures.flatMap(printPicture));
  const each = file.length / pictures.length;
  assert.equal(scanPictures(file).pictures.length, pictures.length);
  for (let length = 0; length < file.length; length++) {
    const scanned = scanPictures(file.subarray(0, length));
    assert.deepEqual([scanned.pictures.length, scanned.length % each], [Math.floor(length / each), 0]);
  }
  for (let round = 0; round < 2000; round++) {
    const damaged = file.slice();
    const at = random(file.length);
    damaged[at] = damaged[at]! ^ (1 + random(255));
    const scanned = scanPictures(damaged);
    assert.equal(scanned.pictures.length, Math.floor(at / each), `byte ${at}`);
    scanPictures(Uint8Array.from({ length: random(200) }, () => random(256)));
  }
});

suiteOnEngines('storyboards', (openRig) => {
  test('while the node that has the file of a window does not run, its instants get no picture', async () => {
    await using rig = await openRig();
    const isAway = () => Promise.reject(new OxbowError('not-ready', 'The recording is on a node that does not run.'));
    const segments = Object.assign(Object.create(rig.segments) as typeof rig.segments, { size: isAway });
    assert.equal(await new Storyboards(segments).append('s', pictureAt(0)), false);
    assert.equal(await new Storyboards(rig.segments).append('s', pictureAt(0)), true);
  });

  test('an instant gets no picture if that node ends after its file was read', async (t) => {
    await using rig = await openRig();
    const storyboards = new Storyboards(rig.segments);
    assert.equal(await storyboards.append('s', pictureAt(0)), true);
    const away = t.mock.method(rig.segments, 'reopen', () =>
      Promise.reject(new OxbowError('not-ready', 'The node a does not answer.')),
    );
    assert.equal(await storyboards.append('s', pictureAt(20)), false);
    away.mock.restore();
    assert.equal(await storyboards.append('s', pictureAt(30)), true);
  });

  test('each ten seconds have one picture, which answers all of their instants and those that it reaches', async () => {
    await using rig = await openRig();
    const storyboards = new Storyboards(rig.segments);
    for (const s of [3, 12, 598, 601]) assert.equal(await storyboards.append('s', pictureAt(s)), true);
    assert.equal(await storyboards.append('s', pictureAt(609)), false, 'those ten seconds have one');
    const reader = storyboards.reader('s');
    const at = async (s: number) => {
      const found = await reader.at(MARK + s * SECOND);
      if (!found) return undefined;
      const [, , high, low] = await reader.read(found);
      return high! * 256 + low!;
    };
    assert.deepEqual(await Promise.all([-1, 0, 3, 9.9, 10, 25, 31.9, 40, 590, 599, 600, 621, 631].map(at)), [
      ...[undefined, 3, 3, 3, 12, 12, 12, undefined, 598, 598, 601, 601, undefined],
    ]);
    const between = await reader.between(MARK + 20 * SECOND, MARK + 601 * SECOND);
    assert.deepEqual(
      between.map(({ atUs }) => (atUs - MARK) / SECOND),
      [12, 598],
      'the one before reaches into the range',
    );
    assert.deepEqual(await reader.between(MARK - WINDOW, MARK), []);
    assert.equal(await storyboards.reader('other').at(MARK), undefined);
  });

  test('a picture that reaches over minutes answers in the next window too', async () => {
    await using rig = await openRig();
    const storyboards = new Storyboards(rig.segments);
    assert.equal(await storyboards.append('s', pictureAt(590, 180_000)), true);
    const reader = storyboards.reader('s');
    const at = async (s: number) => (await reader.at(MARK + s * SECOND))?.atUs;
    assert.deepEqual(await Promise.all([589, 599, 700, 769, 770].map(at)), [
      undefined,
      ...[MARK + 590 * SECOND, MARK + 590 * SECOND, MARK + 590 * SECOND],
      undefined,
    ]);
  });

  test('the next process continues a file after its last intact picture', async () => {
    await using rig = await openRig();
    await new Storyboards(rig.segments).append('s', pictureAt(0));
    const location = storyboardLocation('s', MARK / 1000);
    {
      await using writer = await rig.segments.reopen(location);
      await writer.append([concatBytes([...printPicture(pictureAt(10))]).subarray(0, 27)]);
    }
    const storyboards = new Storyboards(rig.segments);
    assert.equal(await storyboards.append('s', pictureAt(5)), false);
    assert.equal(await storyboards.append('s', pictureAt(20)), true);
    const file = await bytesOf(rig.segments, location);
    assert.deepEqual(file, concatBytes([0, 20].flatMap((s) => printPicture(pictureAt(s)))));
    assert.equal(await storyboards.bytesOf('s'), file.length);
    await storyboards.append('s', pictureAt(30));
    assert.equal(await storyboards.bytesOf('s'), (await bytesOf(rig.segments, location)).length);
  });

  test('a file of nothing but a torn picture is written from its start', async () => {
    await using rig = await openRig();
    const location = storyboardLocation('s', MARK / 1000);
    await (await rig.segments.create(location, [Uint8Array.of(1, 2, 3)], { sync: false })).close();
    const storyboards = new Storyboards(rig.segments);
    assert.equal(await storyboards.append('s', pictureAt(0)), true);
    assert.deepEqual(await bytesOf(rig.segments, location), concatBytes([...printPicture(pictureAt(0))]));
  });

  test('retention deletes the pictures with their window, and pinned windows keep theirs', async () => {
    await using rig = await openRig();
    const storyboards = new Storyboards(rig.segments);
    await record(rig, 3);
    for (const window of [0, 1, 2]) await storyboards.append('s', pictureAt(window * 600 + 597));
    const pinned = [{ fromUs: MARK + WINDOW, toUs: MARK + 2 * WINDOW }];
    const seen = watch(rig, { storyboards, pinned: () => pinned });
    const bytes = await storyboards.bytesOf('s');
    const left = async () => {
      const found = await storyboards.reader('s').between(MARK, MARK + 3 * WINDOW);
      return found.map(({ atUs }) => Math.floor((atUs - MARK) / WINDOW));
    };
    goTo(rig, MARK + 2 * WINDOW + 60 * MINUTE);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [3, 5]);
    rig.clock.advance(60_000);
    await seen.retention.pass();
    assert.deepEqual(await left(), [1, 2]);
    assert.equal(await storyboards.bytesOf('s'), (bytes * 2) / 3);
    assert.deepEqual(
      seen.deleted.map(([files]) => files),
      [1],
      'only chunk files are counted',
    );
    assert.deepEqual(seen.failures, []);
  });

  test('pictures whose window was deleted by a process that ended before are found and deleted', async () => {
    await using rig = await openRig();
    const before = new Storyboards(rig.segments);
    await record(rig, 2);
    for (const s of [-597, 597, 1197]) await before.append('s', pictureAt(s));
    const storyboards = new Storyboards(rig.segments);
    const seen = watch(rig, { storyboards });
    goTo(rig, MARK + 60 * MINUTE);
    await seen.retention.pass();
    const found = await storyboards.reader('s').between(MARK - 2 * WINDOW, MARK + 2 * WINDOW);
    assert.deepEqual(
      found.map(({ atUs }) => (atUs - MARK) / SECOND),
      [597, 1197],
    );
    assert.deepEqual(seen.failures, []);
  });

  test('pictures count to maxDisk', async () => {
    await using rig = await openRig();
    const storyboards = new Storyboards(rig.segments);
    await record(rig, 2);
    const { bytes } = await rig.table.totals('s');
    await storyboards.append('s', pictureAt(1197));
    const seen = watch(rig, { storyboards, maxDisk: bytes, streams: () => [{ streamId: 's', keepMs: 1e12 }] });
    goTo(rig, MARK + 3 * WINDOW);
    await seen.retention.pass();
    assert.deepEqual(await msnsOf(rig), [3]);
  });
});
