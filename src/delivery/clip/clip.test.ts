import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { suite, test } from 'node:test';
import { readBoxes } from '@oxbow/media/isobmff/box';
import { readMatroska } from '@oxbow/media/matroska/matroska.fixture';
import { need } from '../../../test/fixtures/need.ts';
import { groupsOf, makeSource, pictureHashes, probe } from '../../archive/media.fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { START_US, temporaryFolder } from '../../recording/recording.fixture.ts';
import type { RecordingReader } from '../../recording/recording-reader.ts';
import { type Delivery, makeGroup, openDelivery, type SegmentPlan, tracks } from '../delivery.fixture.ts';
import { Clips } from './clip.ts';

const SECOND = 1_000_000;
const startS = START_US / SECOND;

const refusal = (code: string) => (error: unknown) => error instanceof OxbowError && error.code === code;

async function openPast(plans: readonly SegmentPlan[]): Promise<Delivery> {
  const past = await openDelivery();
  await past.record(...plans.map((plan) => makeGroup(plan, plan.init ?? past.init)));
  return past;
}

const types = (bytes: Uint8Array) => readBoxes(bytes).map(({ type }) => type);

suite('a clip (docs/media.md 20)', () => {
  test('has its length, parts and name before anything is read', async () => {
    await using past = await openPast([{ msn: 100 }, { msn: 101 }, { msn: 102 }]);
    const reply = await past.get(`/clip/door/${startS + 1}/2s.mp4`);
    assert.equal(reply.contentType, 'video/mp4');
    assert.equal(reply.filename, 'door-20261118T094620Z.mp4'.replace(/\d{8}T\d{6}/, stamp(START_US)));
    assert.equal(
      reply.body.reduce((sum, piece) => sum + piece.length, 0),
      reply.length,
    );
    const bytes = await past.bytes(reply);
    assert.deepEqual(types(bytes).slice(0, 4), ['ftyp', 'moov', 'sidx', 'sidx']);
    assert.equal(types(bytes).filter((type) => type === 'moof').length, 4, 'a fragment for each segment');
    assert.deepEqual(await past.bytes(reply), bytes, 'and again');
  });

  test('numbers its fragments upwards, whatever numbers they were stored with (ISO 14496-12 8.8.5)', async () => {
    await using past = await openPast([{ msn: 100 }, { msn: 101 }, { msn: 102, parts: 1 }]);
    const bytes = await past.bytes(await past.get(`/clip/door/${startS}/6s.mp4`));
    const numbers = readBoxes(bytes)
      .filter(({ type }) => type === 'moof')
      .map(({ body }) => new DataView(bytes.buffer, bytes.byteOffset + body).getUint32(12));
    assert.equal(numbers.length, 6);
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
    );
  });

  test('has the ETag of its segments: another range of the same ones is the same clip', async () => {
    await using past = await openPast([{ msn: 100 }, { msn: 101 }, { msn: 102 }]);
    const tag = async (from: number, to: string) => (await past.get(`/clip/door/${from}/${to}.mp4`)).etag;
    assert.equal(await tag(startS + 1, '2s'), await tag(startS, '4s'));
    assert.notEqual(await tag(startS + 1, '2s'), await tag(startS + 1, '4s'));
  });

  test('of a window on the grid still holds all that overlaps it', async () => {
    await using past = await openPast([
      { msn: 109, parts: 12 },
      { msn: 110, startUs: START_US + 20_400_000 },
    ]);
    const bytes = await past.bytes(await past.get(`/clip/door/${startS + 20}/10m.mp4`));
    assert.equal(types(bytes).filter((type) => type === 'moof').length, 4, 'two segments of two tracks');
  });

  test('starts at a key frame, and closes up over a hole', async () => {
    await using past = await openPast([
      { msn: 100 },
      { msn: 101, key: false },
      { msn: 102, run: 2, startUs: START_US + 60 * SECOND },
    ]);
    const reply = await past.get(`/clip/door/${startS + 3}/60s.mp4`);
    const bytes = Buffer.from(await past.bytes(reply));
    // mvhd does not say it, mehd does: 6 s in 90 kHz.
    const mehd = bytes.indexOf('mehd');
    assert.equal(Number(bytes.readBigUInt64BE(mehd + 8)), 6 * 90_000);
  });

  test('over a change of the codec configuration is refused, with the time of the change', async () => {
    const past = await openDelivery();
    await using _closing = past;
    const other = past.inits.of([tracks[0]!]);
    await past.record(makeGroup({ msn: 100 }, past.init), makeGroup({ msn: 101, init: other }, other));
    await assert.rejects(past.get(`/clip/door/${startS}/4s.mp4`), (error) => {
      return (
        refusal('unsupported-media')(error) &&
        (error as Error).message.includes(new Date(START_US / 1000 + 2000).toISOString())
      );
    });
    assert.ok(await past.get(`/clip/door/${startS}/2s.mp4`));
    assert.ok(await past.get(`/clip/door/${startS + 2}/2s.mp4`));
  });

  test('of nothing is no clip', async () => {
    await using past = await openPast([{ msn: 100 }]);
    await assert.rejects(past.get(`/clip/door/${startS + 100}/4s.mp4`), refusal('no-media'));
    await assert.rejects(past.get(`/clip/door/${startS}/48h.mp4`), refusal('window-too-long'));
    await assert.rejects(past.get(`/clip/door/${startS}/0s.mp4`), refusal('bad-time'));
    await assert.rejects(past.get(`/clip/door/${startS}/4s.avi`), refusal('not-found'));
  });

  test('that may still grow is not kept for long', async () => {
    await using past = await openPast([{ msn: 100 }]);
    assert.equal((await past.get(`/clip/door/${startS}/4s.mp4`)).cacheControl, 'public, max-age=1');
    past.state.settledUs = START_US + 4 * SECOND;
    assert.equal((await past.get(`/clip/door/${startS}/4s.mp4`)).cacheControl, 'public, max-age=10');
  });

  for (const format of ['mp4', 'mkv', 'ts']) {
    test(`as .${format} shows every picture of its segments`, { skip: need('ffmpeg') }, async () => {
      await using folder = await temporaryFolder();
      const past = await openDelivery();
      await using _closing = past;
      const source = await makeSource(folder.path, 'h264', 8);
      const init = past.inits.of(source.tracks);
      const groups = groupsOf(source, { startUs: START_US }).map((group) => ({ ...group, init }));
      await past.record(...groups);
      const clip = await past.get(`/clip/door/${startS + 3}/2s.${format}`);
      const file = path.join(folder.path, `clip.${format}`);
      await writeFile(file, await past.bytes(clip));
      const found = await probe(file);
      assert.equal(found.warnings, '');
      // A transport stream has its clock run ahead of the first picture, and no time below 0.
      assert.ok(
        format === 'ts' ? found.start > 1 && found.start < 1.5 : found.start === 0,
        `it starts at ${found.start}`,
      );
      assert.ok(Math.abs(found.duration - 4) < 0.041, `it lasts ${found.duration} s`);
      assert.deepEqual(await pictureHashes(file), (await pictureHashes(source.path)).slice(50, 150));
    });
  }
});

suite('a clip as .mkv or .ts', () => {
  test('over a hole and a new run shows what .mp4 shows, one after the other', { skip: need('ffmpeg') }, async () => {
    await using folder = await temporaryFolder();
    const past = await openDelivery();
    await using _closing = past;
    const source = await makeSource(folder.path, 'h264', 10);
    const init = past.inits.of(source.tracks);
    const groups = groupsOf(source, { startUs: START_US }).map((group) => ({ ...group, init }));
    // The clock of the second run is far from that of the first.
    const later = groupsOf(source, { startUs: START_US + 60 * SECOND, offsetS: 50, firstMsn: 868_000_100 });
    const run = { ...later[2]!.run, id: 2 };
    await past.record(groups[0]!, groups[1]!, groups[3]!, { ...later[2]!, init, run, discontinuity: true });
    const hashes = new Map<string, string[]>();
    for (const format of ['mp4', 'mkv', 'ts']) {
      const file = path.join(folder.path, `clip.${format}`);
      await writeFile(file, await past.bytes(await past.get(`/clip/door/${startS}/2m.${format}`)));
      const found = await probe(file);
      assert.equal(found.warnings, '', format);
      assert.ok(Math.abs(found.duration - 8) < 0.1, `.${format} lasts ${found.duration} s`);
      hashes.set(format, await pictureHashes(file));
    }
    assert.equal(hashes.get('mp4')!.length, 200);
    assert.deepEqual(hashes.get('mkv'), hashes.get('mp4'));
    assert.deepEqual(hashes.get('ts'), hashes.get('mp4'));
  });

  for (const format of ['mkv', 'ts']) {
    test(`.${format} has a length before its frames are read, and makes the same bytes each time`, async () => {
      await using past = await openPast([{ msn: 100 }, { msn: 101 }, { msn: 102 }]);
      const reply = await past.get(`/clip/door/${startS + 1}/2s.${format}`);
      assert.equal(reply.contentType, format === 'mkv' ? 'video/matroska' : 'video/mp2t');
      assert.match(reply.filename!, new RegExp(`^door-\\d{8}T\\d{6}Z\\.${format}$`));
      const bytes = await past.bytes(reply);
      assert.deepEqual(await past.bytes(await past.get(`/clip/door/${startS + 1}/2s.${format}`)), bytes);
      if (format === 'mkv') assert.equal(readMatroska(bytes).clusters.length, 2);
      else assert.equal(bytes.length % 188, 0);
    });

    test(`.${format} over a hole, a new run and a track that is missing for a while keeps its length`, async () => {
      await using past = await openPast([
        { msn: 100, without: [2] },
        { msn: 101 },
        { msn: 102, without: [1] },
        { msn: 103, run: 2, startUs: START_US + 60 * SECOND + 123_457 },
        { msn: 104, run: 3, startUs: START_US + 70 * SECOND + 7 },
      ]);
      const reply = await past.get(`/clip/door/${startS}/2m.${format}`);
      assert.equal(reply.length, (await past.bytes(reply)).length);
      // What was learned of a segment holds in another clip too.
      const later = await past.get(`/clip/door/${startS + 61}/2m.${format}`);
      assert.equal(later.length, (await past.bytes(later)).length);
    });

    test(`.${format} of more than two hours is refused, with what to do instead`, async () => {
      await using past = await openPast([{ msn: 100 }]);
      const [group] = await past.stream.recording.between(START_US, START_US + SECOND);
      const walk = async () => Array.from({ length: 3601 }, (_, i) => ({ ...group!, msn: 100 + i }));
      const stream = { ...past.stream, horizonUs: () => 0, recording: { walk } as unknown as RecordingReader };
      const clips = new Clips({ read: () => assert.fail('nothing is read') });
      const range = { fromUs: START_US, toUs: START_US + 7202 * SECOND };
      const never = new AbortController().signal;
      await assert.rejects(clips.answer(stream, range, format as 'mkv', { signal: never }), (error) => {
        return refusal('window-too-long')(error) && /2 hours.*\.mp4/.test((error as Error).message);
      });
      assert.ok(await clips.answer(stream, range, 'mp4', { signal: never }), 'MP4 is known from the index');
    });

    test(`.${format} stops reading segments when the client disconnects`, async () => {
      await using past = await openPast([{ msn: 100 }, { msn: 101 }, { msn: 102 }]);
      const leaving = new AbortController();
      let reads = 0;
      const clips = new Clips({
        read: () => {
          reads++;
          leaving.abort(new DOMException('gone', 'AbortError'));
          return Promise.reject(new Error('the disk is slow'));
        },
      });
      const range = { fromUs: START_US, toUs: START_US + 6 * SECOND };
      await assert.rejects(clips.answer(past.stream, range, format as 'mkv', { signal: leaving.signal }));
      // Another segment may have been begun already, with a read for each of its tracks.
      assert.ok(reads <= 6, `${reads} reads`);
      leaving.abort();
      await assert.rejects(clips.answer(past.stream, range, format as 'mkv', { signal: leaving.signal }), {
        name: 'AbortError',
      });
      assert.ok(reads <= 6, 'who has left asks for nothing');
    });
  }

  test('each format has its own ETag, and again the same', async () => {
    await using past = await openPast([{ msn: 100 }]);
    const tag = async (format: string) => (await past.get(`/clip/door/${startS}/2s.${format}`)).etag;
    const tags = [await tag('mp4'), await tag('mkv'), await tag('ts')];
    assert.equal(new Set(tags).size, 3);
    assert.deepEqual([await tag('mp4'), await tag('mkv'), await tag('ts')], tags);
  });

  test('over a change of the codec configuration is refused as .mp4 is', async () => {
    const past = await openDelivery();
    await using _closing = past;
    const other = past.inits.of([tracks[0]!]);
    await past.record(makeGroup({ msn: 100 }, past.init), makeGroup({ msn: 101, init: other }, other));
    for (const format of ['mkv', 'ts']) {
      await assert.rejects(past.get(`/clip/door/${startS}/4s.${format}`), refusal('unsupported-media'));
    }
  });
});

function stamp(us: number): string {
  return new Date(us / 1000).toISOString().replaceAll(/[-:]|\.\d+Z/g, '');
}
