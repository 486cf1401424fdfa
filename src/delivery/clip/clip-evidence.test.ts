import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { EvidenceBlock, EvidenceSegment } from '@oxbow/media/evidence/block';
import { readBoxes } from '@oxbow/media/isobmff/box';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import {
  ac3Track,
  audioTrack,
  av1Track,
  dataTrack,
  flacTrack,
  hevcTrack,
  opusTrack,
  textTrack,
  videoTrack,
  vp9Track,
} from '@oxbow/media/isobmff/media.fixture';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import type { Init, SegmentGroup } from '@oxbow/media/segment';
import type { PastRules } from '../../api/past/past-rules.ts';
import { groupAt, groupsFrom, initOf, START_US } from '../../recording/recording.fixture.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';
import { makeGroup } from '../delivery.fixture.ts';
import { openEvidenceRig, reportOn } from '../export/evidence.fixture.ts';

const S = 1_000_000;
const gap = { fromUs: START_US + 20 * S, toUs: START_US + 23.2 * S, cause: 'source-down' as const, detail: 'HTTP 404' };

/** A group whose first picture is followed by two that are shown before it: an open group of pictures. */
function openGroup(msn: number, init: Init): SegmentGroup {
  const group = groupAt({ msn, startUs: START_US + (msn - 1) * 2 * S, init });
  const tracks = group.tracks.map((segment) => {
    const frames = parseSegment(segment.bytes)!;
    if (segment.trackId !== 1) return segment;
    const step = frames[0]!.duration;
    const shown = [2, 0, 1, 3, 4].map((place) => frames[0]!.dts + (place + 1) * step);
    const ordered = frames.map((frame, i) => Object.assign({}, frame, { pts: shown[i]! }));
    const bytes = new Uint8Array(fragmentLength(ordered));
    printFragment(bytes, 0, { sequence: 1, trackId: 1, tfdt: segment.tfdt, frames: ordered });
    return Object.assign({}, segment, { bytes, crc: crc32(bytes), firstPtsOffset: 3 * step });
  });
  return Object.assign({}, group, { tracks });
}

suite('the evidence of a clip', () => {
  const lines = {
    'H.264 and AAC': [videoTrack, audioTrack],
    'VP9 and Opus': [vp9Track, opusTrack],
    'H.264, AAC, text and metadata': [videoTrack, audioTrack, textTrack, dataTrack],
    'AV1 and FLAC': [av1Track, flacTrack],
    'HEVC and AC-3': [hevcTrack, ac3Track],
  };
  for (const [name, tracks] of Object.entries(lines)) {
    test(`of ${name} proves pictures in another order, also where the first of them cannot be decoded`, async () => {
      const init = initOf(tracks);
      await using opened = await openEvidenceRig([init]);
      await opened.record([1, 2, 3, 4].map((msn) => openGroup(msn, init)));
      for (const format of ['mp4', 'mkv'] as const) {
        const range = { fromUs: START_US + 2 * S, toUs: START_US + 8 * S };
        const report = await reportOn(await opened.clipped(range, format), [opened.keys.id]);
        assert.deepEqual([report.findings, report.segments], [[], 3], format);
        // In Matroska two pictures of the first segment are left out.
        const each = format === 'mkv' ? 9 : 5 + 4 * (tracks.length - 1);
        assert.equal(report.samples, 3 * each - (format === 'mkv' ? 2 : 0));
      }
    });
  }

  for (const format of ['mp4', 'mkv'] as const)
    test(`of a .${format} names nothing that the rules hide from its viewer, and proves what they see`, async () => {
      await using opened = await openEvidenceRig();
      const early = { fromUs: START_US - 9 * S, toUs: START_US, cause: 'source-down' as const, detail: '' };
      await opened.record(groupsFrom({ msn: 1, startUs: START_US, gaps: [early] }, 5));
      opened.evidence.note({ id: 's', name: 'door' }, { what: 'expired', before: START_US - 60 * S, at: START_US });
      const erased = { from: START_US + S, to: START_US + 15 * S };
      opened.evidence.note({ id: 's', name: 'door' }, { what: 'unhashed', ...erased, at: START_US });
      await opened.evidence.seal('s');
      const late = { fromUs: START_US + 10 * S, toUs: START_US + 13 * S, cause: 'source-down' as const, detail: '' };
      await opened.record(groupsFrom({ msn: 6, startUs: START_US + 13 * S, run: 2, gaps: [late] }, 5));
      await opened.evidence.seal('s');
      const nowMs = opened.rig.clock.nowMs();
      const whole = await opened.evidence.bundle({ id: 's', name: 'door' }, [{ fromUs: 0, toUs: nowMs * 1000 + 1e12 }]);
      const records = whole!.blocks.flatMap(({ text }) => (JSON.parse(text) as EvidenceBlock).segments);
      const open = async (range: { fromUs: number; toUs: number }, past: PastRules) => {
        const file = await opened.clipped(range, format, { past });
        assert.deepEqual(await opened.clipped(range, format, { past }), file, 'and again');
        return {
          file,
          text: Buffer.from(file).toString('latin1').replaceAll('\\"', '"'),
          report: await reportOn(file, [opened.keys.id]),
        };
      };
      const range = { fromUs: START_US + 6 * S, toUs: START_US + 17 * S };
      const start = { start: (START_US + 6 * S) / 1000 };
      const delay = { delayMs: nowMs - (START_US + 17 * S) / 1000 };
      for (const past of [start, delay, { ...start, ...delay }]) {
        const { file, text, report } = await open(range, past);
        assert.deepEqual([report.findings, report.segments, report.cut], [[], 4, 2]);
        assert.deepEqual(report.gaps, [[late.fromUs, late.toUs, late.cause, '']]);
        const isHidden = ({ from }: EvidenceSegment) =>
          ('start' in past && from < START_US + 6 * S) || ('delayMs' in past && from >= START_US + 17 * S);
        for (const segment of records.filter(isHidden)) {
          assert.ok(!text.includes(`"from":${segment.from},`), `${segment.from}`);
          for (const [, , , digest] of segment.tracks) assert.ok(!text.includes(digest));
        }
        if ('start' in past)
          for (const us of [early.fromUs, START_US - 60 * S, erased.from]) assert.ok(!text.includes(`${us}`));
        const step = Math.ceil(file.length / 60);
        for (let at = 0; at < file.length; at += step) {
          const other = Uint8Array.from(file);
          other[at]! ^= 0x40;
          assert.equal((await reportOn(other, [opened.keys.id])).ok, false, `byte ${at}`);
        }
      }
      // Who sees all of a block gets it as it is.
      const all = await open({ fromUs: START_US, toUs: START_US + 23 * S }, { start: (START_US - 3600 * S) / 1000 });
      assert.deepEqual([all.report.findings, all.report.segments, all.report.cut], [[], 10, 0]);
    });

  for (const format of ['mp4', 'mkv'] as const)
    test(`of a .${format} has the bytes that its ETag names, whenever they are sent`, async () => {
      await using opened = await openEvidenceRig();
      await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 10));
      const change = { horizonUs: START_US + S, groups: (all: RecordedGroup[]) => all.slice(1) };
      const range = { fromUs: START_US, toUs: START_US + 20 * S };
      const first = await opened.clip(range, format, change);
      const bytes = await opened.bytesOf(first);
      change.horizonUs += S / 2;
      assert.deepEqual(await opened.bytesOf(first), bytes, 'another range of it');
      const second = await opened.clip(range, format, change);
      assert.equal(second.etag, first.etag);
      assert.deepEqual(await opened.bytesOf(second), bytes);
    });

  test('of Matroska is made once for all requests, and again if the first one is aborted', async () => {
    await using opened = await openEvidenceRig();
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 10));
    const range = { fromUs: START_US, toUs: START_US + 20 * S };
    const tagOf = async (signal?: AbortSignal) => {
      const part = (await opened.clip(range, 'mkv', { signal })).body.at(-1)!;
      return 'read' in part ? part.read : assert.fail();
    };
    const first = new AbortController();
    const [aborted, read] = [await tagOf(first.signal), await tagOf()];
    const both = Promise.allSettled([aborted(), read()]);
    first.abort();
    const [gone, made] = await both;
    assert.deepEqual([gone.status, made.status], ['rejected', 'fulfilled']);
    const { reads } = opened;
    assert.deepEqual(await read(), made.status === 'fulfilled' && made.value);
    assert.equal(opened.reads, reads);
  });

  for (const format of ['mp4', 'mkv'] as const)
    test(`a .${format} with a gap is complete, with the gap and its cause, and signed by the key of the server`, async () => {
      await using opened = await openEvidenceRig();
      const parts = (msn: number) => makeGroup({ msn, startUs: START_US + (msn - 100) * 2 * S, parts: 10 }, initOf());
      await opened.record([
        ...[100, 101, 102, 103, 104].map(parts),
        ...groupsFrom({ msn: 105, startUs: START_US + 10 * S }, 5),
        ...groupsFrom({ msn: 110, startUs: START_US + 23.2 * S, run: 2, gaps: [gap] }, 10),
      ]);
      const range = { fromUs: START_US + 4 * S, toUs: START_US + 31 * S };
      const file = await opened.clipped(range, format);
      assert.deepEqual(await opened.clipped(range, format), file, 'and again');
      if (format === 'mp4') assert.equal(readBoxes(file).at(-1)!.type, 'uuid');
      const report = await reportOn(file, [opened.keys.id]);
      assert.deepEqual(report.findings, []);
      assert.deepEqual(report.parts, [
        { fromUs: START_US + 4 * S, toUs: START_US + 20 * S, segments: 8 },
        { fromUs: START_US + 23.2 * S, toUs: START_US + 31.2 * S, segments: 4 },
      ]);
      assert.deepEqual(report.gaps, [[gap.fromUs, gap.toUs, 'source-down', 'HTTP 404']]);
      assert.deepEqual(report.keys, [{ id: opened.keys.id, trusted: true }]);
      assert.equal(report.ok, true);
    });

  test('of what is recorded now causes one block for all its requests, and no other until a pause is over', async () => {
    await using opened = await openEvidenceRig();
    const blocks = async () => (await opened.evidence.blocks.newest('s', 0)).length;
    const now = { settledUs: 0 };
    const range = { fromUs: START_US, toUs: START_US + 60 * S };
    await opened.record(groupsFrom({ msn: 1, startUs: START_US }, 5));
    const bytes = await Promise.all(
      (['mp4', 'mkv', 'mp4'] as const).map((format) => opened.clipped(range, format, now)),
    );
    for (const file of bytes) assert.deepEqual((await reportOn(file, [opened.keys.id])).findings, []);
    assert.equal(await blocks(), 1);
    await opened.record(groupsFrom({ msn: 6, startUs: START_US + 10 * S }, 1));
    const gone = new AbortController();
    const change = Object.assign({ signal: gone.signal }, now);
    const waiting = Promise.allSettled([opened.clip(range, 'mp4', change), opened.clip(range, 'mkv', change)]);
    // Clips of what is signed do not wait for them, nor for a place.
    const earlier = { fromUs: START_US, toUs: START_US + 4 * S };
    assert.deepEqual((await reportOn(await opened.clipped(earlier), [opened.keys.id])).findings, []);
    gone.abort();
    assert.deepEqual(
      (await waiting).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(await blocks(), 1);
    await opened.evidence.close();
  });
});
