/**
 * A served stream that tests fill by hand: live window, recording on disk, init sections, and the media
 * router.
 * In: segments and parts of the test. Out: replies, their text and bytes.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { concatBytes } from '@oxbow/media/bytes';
import type { Frame, Track } from '@oxbow/media/frame';
import { fragmentLength, printFragment } from '@oxbow/media/isobmff/fragment';
import { audioTrack, videoTrack } from '@oxbow/media/isobmff/media.fixture';
import { usToTicks } from '@oxbow/media/run';
import type { Init, Part, SegmentGroup } from '@oxbow/media/segment';
import { parseMediaAddress } from '../api/media-address.ts';
import type { MarkedRules } from '../api/past/past-rules.ts';
import { openRangeReader, type RangeReader } from '../archive/range-reader.ts';
import { type Engine, engines } from '../archive/segment-stores.fixture.ts';
import type { Generation } from '../packager/generation.ts';
import type { LiveWindowLimits } from '../packager/live-segment.ts';
import type { LiveWindow } from '../packager/live-window.ts';
import { LiveWindowWriter } from '../packager/live-window-writer.ts';
import { InitTable } from '../recording/init-table.ts';
import { openRig, type RecordingRig, START_US } from '../recording/recording.fixture.ts';
import { EncryptedReplies } from './encryption/encrypted-replies.ts';
import { createLiveLookup, type LiveLookup } from './live/live-lookup.ts';
import { SegmentCache } from './live/segment-cache.ts';
import { createMediaRouter, type MediaRouter } from './media-router.ts';
import type { Reply } from './reply.ts';
import type { ServedStream } from './served-stream.ts';
import { type MakeStill, Stills } from './stills.ts';

/** Tracks of the stream under test; the audio has no language. */
export const tracks: readonly Track[] = [videoTrack, { ...audioTrack, language: 'und', label: '' }];

/** A generation with parts of 0.2 s. */
export const generation: Generation = {
  number: 7,
  firstMsn: 100,
  family: 'v;a;parts',
  targetDurationS: 2,
  parts: { frames: 5, targetS: 0.201, audioTargetS: 0.22233 },
  holdBackS: 6,
  partHoldBackS: 0.66699,
  bandwidths: { 1: 800_000, 2: 100_000 },
  frameRate: 25,
};

/** What changes while a test runs. */
export interface Mutable {
  starting: boolean;
  settledUs: number;
  horizonUs: number;
  /** Name of the stream that VSR's addresses mean. */
  defaultStream: string | undefined;
  /** The broadcaster's rules for the past. */
  past?: MarkedRules | undefined;
}

/** How a segment is made. */
export interface SegmentPlan {
  readonly msn: number;
  /** µs since 1970; default: 2 s after START_US for each MSN above 100. */
  readonly startUs?: number;
  readonly run?: number;
  /** Parts of each track; the segment lasts 0.2 s for each. Default 10. */
  readonly parts?: number;
  readonly discontinuity?: boolean;
  readonly discontinuitySequence?: number;
  readonly key?: boolean;
  readonly init?: Init;
  readonly gaps?: SegmentGroup['gaps'];
  /** Tracks that have nothing in it. */
  readonly without?: readonly number[];
}

/** A stream under test. */
export interface Delivery extends AsyncDisposable {
  readonly rig: RecordingRig;
  readonly list: LiveWindow;
  readonly listWriter: LiveWindowWriter;
  readonly inits: InitTable;
  readonly init: Init;
  readonly stream: ServedStream;
  readonly state: Mutable;
  /** Calls of the still maker. */
  readonly stills: { bytes: Uint8Array; atS: number | undefined; width: number }[];
  readonly answer: MediaRouter;
  readonly lookup: LiveLookup;
  readonly reader: RangeReader;
  /** Opens a segment in the live list. */
  open(plan: SegmentPlan): void;
  /** Adds part `index` of every track. */
  part(plan: SegmentPlan, index: number): void;
  /** Seals it. Gives the group. */
  seal(plan: SegmentPlan): SegmentGroup;
  /** Names of streams that were looked up. */
  readonly found: string[];
  /** Opens, fills and seals. */
  live(plan: SegmentPlan): SegmentGroup;
  /** Writes a group into the recording, and waits. */
  record(...groups: SegmentGroup[]): Promise<void>;
  /** Asks; `path` may have a query. */
  get(path: string, signal?: AbortSignal, isExempt?: boolean): Promise<Reply>;
  text(path: string, isExempt?: boolean): Promise<string>;
  bytes(reply: Reply): Promise<Uint8Array>;
}

/** Opens a stream named `door`. */
export async function openDelivery({
  limits,
  makeStill,
  engine = engines[0]!,
  isDirect,
}: {
  limits?: LiveWindowLimits;
  isDirect?: () => boolean;
  makeStill?: MakeStill;
  engine?: Engine;
} = {}): Promise<Delivery> {
  const rig = await openRig({ engine });
  const listWriter = new LiveWindowWriter(limits);
  const { list } = listWriter;
  const inits = new InitTable([], { async save() {}, failed() {}, nowMs: () => Date.UTC(2020, 0, 1) });
  const init = inits.of(tracks);
  const state: Mutable = { starting: false, settledUs: 0, horizonUs: 0, defaultStream: 'door' };
  const reader = openRangeReader(rig.segments);
  const closing = new AbortController();
  const made: Delivery['stills'] = [];
  const stills = new Stills({
    reader,
    signal: closing.signal,
    makeStill:
      makeStill ??
      (async ({ bytes, atS, width }) => {
        made.push({ bytes, atS, width });
        return Uint8Array.of(0xff, 0xd8, made.length);
      }),
  });
  const stream: ServedStream = {
    name: 'door',
    list,
    inits,
    recording: rig.recording,
    createdUs: START_US,
    starting: () => state.starting,
    settled: (us) => us <= state.settledUs,
    leastMsnAt: (us) => 10 + Math.max(0, Math.floor((us - START_US) / 250_000)),
    // A method, as real streams have it.
    horizonUs(this: unknown) {
      assert.equal(this, stream);
      return state.horizonUs;
    },
    get past() {
      return state.past;
    },
  };
  const found: string[] = [];
  const find = (name: string) => {
    found.push(name);
    return name === 'door' ? stream : undefined;
  };
  const defaultStream = () => state.defaultStream;
  const segmentCache = new SegmentCache(reader);
  const parts = { find, clock: rig.clock, reader, segmentCache, stills, defaultStream };
  const encrypted = new EncryptedReplies({ reader });
  const answer = createMediaRouter({ ...parts, encrypted, ...(isDirect && { isDirect }) });
  const lookup = createLiveLookup(find, segmentCache, encrypted);
  const never = new AbortController().signal;
  const get = async (path: string, signal = never, isExempt = false): Promise<Reply> => {
    const [plain, query] = path.split('?') as [string, string?];
    return answer(parseMediaAddress(plain)!, new URLSearchParams(query), { signal, isExempt });
  };
  const bytes = (reply: Reply) => bytesOf(reply, reader);
  const open = (plan: SegmentPlan): void => {
    const { msn, discontinuity = false, discontinuitySequence = 3 } = plan;
    const run = runOf(plan);
    listWriter.openSegment({
      msn,
      run,
      init: plan.init ?? init,
      startUs: startOf(plan),
      discontinuity,
      discontinuitySequence,
    });
  };
  const part = (plan: SegmentPlan, index: number): void => {
    for (const track of (plan.init ?? init).tracks) {
      if (!plan.without?.includes(track.id)) listWriter.addPart(plan.msn, track.id, makePart(plan, track, index));
    }
  };
  const seal = (plan: SegmentPlan): SegmentGroup => {
    const group = makeGroup(plan, plan.init ?? init);
    listWriter.seal(group);
    return group;
  };
  return {
    rig,
    list,
    listWriter,
    inits,
    init,
    stream,
    state,
    stills: made,
    found,
    answer,
    lookup,
    reader,
    open,
    part,
    seal,
    get,
    bytes,
    live(plan) {
      open(plan);
      for (let i = 0; i < (plan.parts ?? 10); i++) part(plan, i);
      return seal(plan);
    },
    async record(...groups) {
      for (const group of groups) rig.recorder.write(group);
      while (!rig.recorder.isQuiet) await new Promise(setImmediate);
    },
    async text(path, isExempt = false) {
      return new TextDecoder().decode(await bytes(await get(path, never, isExempt)));
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      reader[Symbol.dispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

/** Opens a stream with three whole segments and two parts of a fourth in its live list. */
export async function openLive(options: Parameters<typeof openDelivery>[0] = {}): Promise<Delivery> {
  const delivery = await openDelivery(options);
  delivery.listWriter.begin(generation, tracks);
  delivery.live({ msn: 100, discontinuity: true });
  delivery.live({ msn: 101 });
  delivery.live({ msn: 102, parts: 9 });
  delivery.open({ msn: 103 });
  delivery.part({ msn: 103 }, 0);
  delivery.part({ msn: 103 }, 1);
  return delivery;
}

/** The whole body of a reply. */
export async function bytesOf({ body, length }: Reply, reader: Pick<RangeReader, 'read'>): Promise<Uint8Array> {
  const pieces = await Promise.all(
    body.map(async (piece) => {
      if (piece instanceof Uint8Array) return piece;
      if ('blocks' in piece) return concatBytes(await Array.fromAsync(piece.blocks(0, piece.length)));
      return 'location' in piece ? reader.read(piece.location, piece.offset, piece.length) : piece.read();
    }),
  );
  const whole = concatBytes(pieces);
  assert.equal(whole.length, length, 'the length is what is sent');
  return whole;
}

function startOf({ msn, startUs }: SegmentPlan): number {
  return startUs ?? START_US + (msn - 100) * 2_000_000;
}

function runOf({ run = 1 }: SegmentPlan): SegmentGroup['run'] {
  return { id: run, utcOffsetUs: 0, clock: 'source' };
}

/** Part `index`: 0.2 s of one track; bytes tell segment, track and part. */
function makePart(plan: SegmentPlan, track: Track, index: number): Part {
  const first = usToTicks(startOf(plan) + index * 200_000, track.timescale);
  const end = usToTicks(startOf(plan) + (index + 1) * 200_000, track.timescale);
  const key = track.kind === 'audio' || (index === 0 && plan.key !== false);
  const data = Uint8Array.of(0, 0, 0, 5, track.id, index, plan.msn >> 8, plan.msn & 255, plan.run ?? 1);
  const frames: Frame[] = [{ trackId: track.id, dts: first, pts: first, duration: end - first, key, data }];
  const bytes = new Uint8Array(fragmentLength(frames));
  printFragment(bytes, 0, { sequence: index + 1, trackId: track.id, tfdt: first, frames });
  return { bytes, pts: first, duration: end - first, independent: key, crc: crc32(bytes) };
}

/** The whole of a segment: the same bytes as its parts. */
export function makeGroup(plan: SegmentPlan, init: Init): SegmentGroup {
  const { msn, parts = 10, discontinuity = false, discontinuitySequence = 3, gaps = [] } = plan;
  const present = init.tracks.filter((track) => !plan.without?.includes(track.id));
  return {
    msn,
    run: runOf(plan),
    init,
    startUs: startOf(plan),
    durationUs: parts * 200_000,
    discontinuity,
    discontinuitySequence,
    gaps,
    tracks: present.map((track) => {
      const own = Array.from({ length: parts }, (_, i) => makePart(plan, track, i));
      const bytes = concatBytes(own.map((one) => one.bytes));
      return {
        trackId: track.id,
        bytes,
        crc: crc32(bytes),
        tfdt: usToTicks(startOf(plan), track.timescale),
        duration: own.reduce((sum, one) => sum + one.duration, 0),
        firstPtsOffset: 0,
        samples: parts,
        independent: own[0]!.independent,
        damaged: false,
      };
    }),
  };
}
