/**
 * A stream with its packager and live window, and their output, for tests.
 * In: frames. Out: groups, announced parts, and the samples in the bytes. Used by tests only.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { sameBytes } from '@oxbow/media/bytes';
import type { Frame, Track } from '@oxbow/media/frame';
import { readBoxes } from '@oxbow/media/isobmff/box';
import { isSync, parseMoof } from '@oxbow/media/isobmff/fragment-reader';
import { SampleTable } from '@oxbow/media/isobmff/movie/sample-table';
import { printSealedMoov } from '@oxbow/media/isobmff/movie/sealed-moov';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { ticksToUs } from '@oxbow/media/run';
import type { SegmentGroup } from '@oxbow/media/segment';
import { createManualClock, type ManualClock } from '../lib/clock.ts';
import type { RunStart } from '../live/input.ts';
import type { Stream } from '../live/stream.ts';
import type { StreamPast } from '../live/stream-options.ts';
import { silenceFor } from './audio-frame.ts';
import type { Generation } from './generation.ts';
import { firstOpenOf, type LiveSegment, type LiveWindowLimits } from './live-segment.ts';
import type { LiveWindow } from './live-window.ts';
import { LiveWindowWriter } from './live-window-writer.ts';
import type { Packager } from './packager.ts';
import { createPipeline } from './pipeline.ts';
import { hasReached, partsOf, positionOf } from './rendition-view.ts';

/** UTC at which the clock of a rig starts, µs. */
export const RIG_START_US = 1_795_000_000_000_000;

/** A part when the window first listed it. */
export interface Announced {
  readonly msn: number;
  readonly trackId: number;
  readonly index: number;
  readonly durationS: number;
  readonly independent: boolean;
  readonly bytes: Uint8Array;
}

export interface PackagerRigOptions {
  readonly limits?: LiveWindowLimits;
  readonly lastGeneration?: Generation;
  readonly past?: Partial<StreamPast>;
  readonly segmentS?: number;
  /** Segments are in shared memory. */
  readonly shared?: boolean;
  /** Calls `list.recorded` for each group as soon as it is sealed. */
  readonly recorded?: boolean;
}

/** One stream and its output. */
export interface PackagerRig {
  readonly clock: ManualClock;
  readonly stream: Stream;
  readonly packager: Packager;
  readonly list: LiveWindow;
  readonly listWriter: LiveWindowWriter;
  readonly groups: SegmentGroup[];
  /** Generations in the order of their beginning. */
  readonly generations: Generation[];
  /** Every part, in the order in which the list got them. */
  readonly announced: Announced[];
}

/** Creates a stream whose first segment has MSN 100. */
export function createPackagerRig(options: PackagerRigOptions = {}): PackagerRig {
  const { limits, lastGeneration, past, segmentS = 2, shared = false, recorded = false } = options;
  const clock = createManualClock(RIG_START_US / 1000);
  const previous = lastGeneration && { generation: lastGeneration, tracks: [], segments: [], ended: true, version: 0 };
  const listWriter = new LiveWindowWriter(limits, previous);
  const { list } = listWriter;
  let generation = lastGeneration?.number ?? 0;
  const { stream, packager } = createPipeline({
    clock,
    past: { endUs: RIG_START_US, hasMedia: false, lastRun: 0, gaps: [], ...past },
    settings: { partS: 0.2, segmentS, shared },
    listWriter,
    nextMsn: 100,
    continued: lastGeneration !== undefined,
    initOf: (tracks) => ({ number: 1, hash: '00'.repeat(32), tracks }),
    nextGeneration: () => ++generation,
  });
  const rig: PackagerRig = { clock, stream, packager, list, listWriter, groups: [], generations: [], announced: [] };
  const seen = new Set<string>();
  const listed = new Map<string, string>();
  packager.groups.subscribe((group) => {
    rig.groups.push(group);
    if (recorded) listWriter.recorded(group.msn);
  });
  list.changes.subscribe(() => {
    assertAccounts(list);
    assertListing(list, listed);
    if (list.generation && rig.generations.at(-1) !== list.generation && list.segments.length > 0)
      rig.generations.push(list.generation);
    for (const segment of list.segments.slice(-3)) {
      for (const [trackId, parts] of segment.parts) {
        parts.forEach(({ duration, independent, bytes }, index) => {
          const key = `${segment.msn}/${trackId}/${index}`;
          if (seen.has(key) || !bytes) return;
          seen.add(key);
          const timescale = list.tracks.find(({ id }) => id === trackId)!.timescale;
          const { msn } = segment;
          rig.announced.push({ msn, trackId, index, durationS: duration / timescale, independent, bytes });
        });
      }
    }
  });
  return rig;
}

/** Asserts that `memoryBytes` equals the sum over all segments. */
function assertAccounts(list: LiveWindow): void {
  let bytes = 0;
  const before = list.view((list.generation?.number ?? 0) - 1);
  for (const segment of [...(before?.segments ?? []), ...list.segments]) {
    if (segment.bytes) for (const whole of segment.bytes.values()) bytes += whole.length;
    else for (const parts of segment.parts.values()) for (const part of parts) bytes += part.bytes?.length ?? 0;
  }
  assert.equal(list.memoryBytes, bytes, 'memoryBytes is what is in memory');
}

/** Asserts that listed media stays unchanged, and that `hasReached` agrees with it (RFC 8216bis 6.2.5.2). */
function assertListing(list: LiveWindow, before: Map<string, string>): void {
  const view = list.view(list.generation?.number ?? -1);
  if (!view) return;
  for (const rendition of renditionsOf(view.tracks).all) {
    const position = positionOf(view, rendition);
    const newest: readonly (LiveSegment | undefined)[] = [
      view.segments.findLast((segment) => segment.sealed),
      firstOpenOf(list.segments),
    ];
    for (const segment of newest) {
      if (!segment) continue;
      const parts = partsOf(segment, rendition);
      const whole: string = `${view.generation.number}/${rendition.id}/${segment.msn}`;
      // Of a segment in the making only the last part can be new.
      const from = segment.sealed ? (before.has(whole) ? parts.length : 0) : Math.max(0, parts.length - 1);
      if (segment.sealed) before.set(whole, '');
      for (let i = from; i < parts.length; i++) {
        const key = `${whole}.${i}`;
        const pieces = parts[i]!.pieces.map(({ trackId, part }) => `${trackId}:${part.offset}+${part.length}`).join();
        assert.equal(before.get(key) ?? pieces, pieces, `${key} is as it was listed first`);
        before.set(key, pieces);
        assert.ok(hasReached(view, rendition, segment.msn, i));
      }
    }
    if (!position) continue;
    assert.ok(!hasReached(view, rendition, position.msn, position.parts));
    assert.ok(!hasReached(view, rendition, position.msn, undefined));
  }
}

/** A run of continuous media that starts now by default. */
export function continuous(tracks: readonly Track[], options: Partial<RunStart> = {}): RunStart {
  // Frames begin at 10 s.
  return {
    tracks,
    utcOffsetUs: RIG_START_US - 10_000_000,
    clock: 'source',
    pace: { kind: 'continuous' },
    ...options,
  };
}

/** A sample as read from the bytes. */
export type Sample = Pick<Frame, 'dts' | 'pts' | 'key' | 'data'>;

/** Reads back what a part or segment of one track holds. */
export function samplesOf(bytes: Uint8Array): (Sample & { readonly duration: number })[] {
  const samples: (Sample & { duration: number })[] = [];
  for (const box of readBoxes(bytes)) {
    if (box.type !== 'moof') continue;
    const fragments = parseMoof(bytes, box);
    assert.equal(fragments.length, 1);
    const { tfdt, offsets, sizes, durations, compositions, flags } = fragments[0]!;
    let dts = tfdt!;
    for (const [i, size] of sizes.entries()) {
      const at = box.start + offsets[i]!;
      samples.push({
        dts,
        pts: dts + compositions[i]!,
        key: isSync(flags[i]!),
        data: bytes.slice(at, at + size),
        duration: durations[i]!,
      });
      dts += durations[i]!;
    }
  }
  return samples;
}

/** All samples of a track over groups. */
export function samplesOfTrack(groups: readonly SegmentGroup[], track: Track): Sample[] {
  return groups
    .flatMap((group) => group.tracks.filter((own) => own.trackId === track.id))
    .flatMap((own) => samplesOf(own.bytes));
}

/** Whether a sample was made by the packager to fill a hole. */
export function isSilence({ data }: Sample, track: Track): boolean {
  const silence = track.kind === 'audio' ? silenceFor(track.config) : undefined;
  return silence !== undefined && sameBytes(data, silence);
}

/** Asserts that the frames stand in the groups, each once and in order, and nothing else but silence. */
export function assertHolds(groups: readonly SegmentGroup[], track: Track, frames: readonly Frame[]): void {
  const samples = samplesOfTrack(groups, track).filter((sample) => !isSilence(sample, track));
  const line = ({ dts, pts, key, data }: Sample) => `${dts} ${pts} ${key} ${Buffer.from(data).toString('base64')}`;
  for (let i = 0; i < Math.max(samples.length, frames.length); i++) {
    const [got, wanted] = [samples[i], frames[i]].map((one) => one && line(one));
    if (got === wanted) continue;
    assert.fail(
      `track ${track.id}, frame ${i} of ${frames.length}: got ${got}, wanted ${wanted}; ${samples.length} samples`,
    );
  }
}

/** Asserts what holds for whatever comes out of a packager. */
export function assertSound(rig: PackagerRig, tracks: readonly Track[]): void {
  const { groups, announced } = rig;
  const reference = tracks.find((track) => track.kind === 'video') ?? tracks[0]!;
  let table = new SampleTable(tracks);
  let described = new SampleTable(tracks);
  groups.forEach((group, i) => {
    const before = groups[i - 1];
    if (group.run.id !== before?.run.id) {
      table = new SampleTable(tracks);
      described = new SampleTable(tracks);
    }
    // What a chunk file asks for: decode times that rise in every track of a run, no negative composition
    // offset.
    table.addGroup(group.tracks.map(({ bytes }) => ({ bytes, offset: 0 })));
    described.addGroup(
      group.tracks.map(({ bytes, trackId, rows }) => ({ bytes, offset: 0, known: { trackId, rows: rows! } })),
    );
    for (const { bytes, crc } of group.tracks) assert.equal(crc, crc32(bytes));
    if (before) {
      assert.equal(group.msn, before.msn + 1, 'MSNs are contiguous');
      const endUs = before.startUs + before.durationUs;
      assert.ok(group.startUs > before.startUs, 'UTC never runs back');
      assert.ok(group.startUs >= endUs);
      if (group.run.id === before.run.id) {
        assert.equal(group.startUs, endUs, 'segments of a run join');
      }
    }
    assert.ok(group.durationUs > 0);
    assert.ok(group.tracks.some((own) => own.trackId === reference.id));
    for (const own of group.tracks) {
      const track = tracks.find(({ id }) => id === own.trackId)!;
      const samples = samplesOf(own.bytes);
      assert.deepEqual([samples.length, samples[0]!.dts, samples[0]!.key], [own.samples, own.tfdt, own.independent]);
      if (own.independent) assert.equal(own.firstPtsOffset, samples[0]!.pts - own.tfdt);
      for (const sample of samples) assert.ok(sample.pts >= sample.dts, 'dts is at most pts');
      if (track.kind === 'audio') {
        const firstUs = group.run.utcOffsetUs + ticksToUs(samples[0]!.pts, track.timescale);
        // Ticks and µs are rounded: up to a tick of grace.
        assert.ok(firstUs >= group.startUs - 1_000_000 / track.timescale - 1, `audio of ${group.msn} is before its T`);
      }
      const parts = announced.filter((part) => part.msn === group.msn && part.trackId === own.trackId);
      if (parts.length === 0) continue;
      const joined = Buffer.concat(parts.map((part) => part.bytes));
      assert.ok(joined.equals(own.bytes), `the parts of segment ${group.msn} are its bytes`);
    }
  });
  if (groups.length === 0) return;
  assert.deepEqual(printSealedMoov(described), printSealedMoov(table), 'rows describe what the moofs say');
}

/** Asserts that segments and parts are within TARGETDURATION and PART-TARGET. */
export function assertConstraints(rig: PackagerRig, tracks: readonly Track[]): void {
  const { groups, announced, list } = rig;
  const { generation } = list;
  assert.ok(generation);
  const reference = tracks.find((track) => track.kind === 'video') ?? tracks[0]!;
  for (const { msn, durationUs } of groups) {
    assert.ok(Math.round(durationUs / 1e6) <= generation.targetDurationS, `EXTINF of ${msn} is ${durationUs / 1e6}`);
  }
  if (!generation.parts) {
    assert.equal(announced.length, 0);
    return;
  }
  for (const [i, part] of announced.entries()) {
    const { targetS, audioTargetS } = generation.parts;
    const target = part.trackId === reference.id ? targetS : audioTargetS;
    const name = `part ${part.msn}.${part.index} of track ${part.trackId}: ${part.durationS} s`;
    assert.ok(part.durationS <= target + 1e-9, `${name} is above ${target}`);
    const { timescale } = tracks.find(({ id }) => id === part.trackId)!;
    const mediaS = samplesOf(part.bytes).reduce((sum, { duration }) => sum + duration, 0) / timescale;
    assert.ok(Math.abs(mediaS - part.durationS) < 1e-9, `${name} holds ${mediaS} s`);
    const next = announced.slice(i + 1).find((other) => other.trackId === part.trackId);
    const last = next?.msn !== part.msn;
    if (!part.independent && !last) assert.ok(part.durationS >= 0.85 * target, `${name} is below 85 % of ${target}`);
  }
}
