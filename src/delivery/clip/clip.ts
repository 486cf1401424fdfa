/**
 * Answers /clip/{stream}/{from}/{to}.mp4, .mkv and .ts: complete stored segments as one file that starts at
 * time 0 (docs/media.md 20), with Content-Length and byte ranges. The length of an MP4 follows from the
 * index, and its body is planned while it is sent; the other formats are remuxed, which needs the sizes of
 * the frames.
 * In: a time range, the budget of the client. Out: Reply.
 */

import { createHash } from 'node:crypto';
import type { Track } from '@oxbow/media/frame';
import { planClipTimes } from '@oxbow/media/isobmff/clip/clip-times';
import type { GroupShape } from '@oxbow/media/matroska/cluster';
import type { ClipFormat } from '../../api/media-address.ts';
import { limitsTimes, type VisiblePast, visiblePast } from '../../api/past/past-rules.ts';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { dropOldest } from '../../lib/drop-oldest.ts';
import { OxbowError } from '../../lib/errors.ts';
import { lengthOf } from '../body-parts.ts';
import type { Range } from '../past/past.ts';
import type { BodyPart, Reply } from '../reply.ts';
import { Memo, Semaphore } from '../segment-memo.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, contentTypes } from '../text-reply.ts';
import { refuseStrangers, type WorkOptions } from '../work-budget.ts';
import {
  type ClipProof,
  type MovieClip,
  makeEvidence,
  type ProvedClip,
  SEGMENTS_COST,
  signedRange,
  withEvidence,
} from './clip-evidence.ts';
import { etagOfFile } from './clip-file.ts';
import { type ClipStoredGroup, clipSteps, reopenStep, type StepPlace, tracksOf } from './clip-groups.ts';
import { mkvBody } from './clip-mkv.ts';
import type { RemuxRequest } from './clip-portion.ts';
import { tsBody } from './clip-ts.ts';
import { type FilePlan, FilePlanner, type GroupSource } from './file-plan.ts';
import { type MkvEvidence, planMkvEvidence } from './mkv-evidence.ts';

/** Longest remuxed clip, µs: each segment is read before the response begins. */
const MAX_REMUXED_US = 2 * 3600 * 1_000_000;
const MAX_REMUXED_SEGMENTS = 16_384;
/** Cached shapes, some hundred bytes each: more than the longest clip has. */
const MAX_LEARNED = 2 * MAX_REMUXED_SEGMENTS;
/** Memory of a group of a remuxed clip, bytes; measured. */
const REMUXED_GROUP_BYTES = 1_000;
/** Clips whose index is read at the same time. */
const PLANNED_AT_ONCE = 2;
/** Cached plans of MP4 files, of a day about 60 KB each: a player requests many ranges of one file. */
const MAX_PLANS = 64;
/** Evidence in the cached plans, bytes: that of a day is about 15 MB, of ten minutes 100 KB. */
const MAX_EVIDENCE_BYTES = 32 * 1024 * 1024;

/** Cached evidence of MP4 clips that may still grow, and the largest of them, bytes. */
const MAX_BOXES = 32;
const MAX_BOX_BYTES = 256 * 1024;
/** Cached evidence of Matroska clips: a player requests many ranges of one file. */
const MAX_TAGS = 16;
/** All of them, bytes; that of two hours is about 6 MB. Larger evidence is planned for each request. */
const MAX_TAG_BYTES = 32 * 1024 * 1024;

/** How a clip is made. */
interface ClipOptions extends WorkOptions {
  /** Without its evidence: a preview that no one keeps. */
  readonly isBare?: boolean;
}

/** A file before it is a reply. */
interface ClipFile extends FilePlan {
  /** Start of its first segment, µs since 1970. */
  readonly startUs: number;
  /** Its evidence. */
  readonly shared?: NonNullable<Reply['shared']>;
  /** Its evidence will be another: the file is not kept. */
  readonly isProvisional?: boolean;
}

/** Clips of all streams. */
export class Clips {
  readonly #reader: Pick<RangeReader, 'read'>;
  readonly #proof: ClipProof | undefined;
  /** Shapes of segments, for .mkv. */
  readonly #shapes: Memo<GroupShape>;
  /** Lengths of segments, for .ts; bytes. */
  readonly #lengths: Memo<number>;
  readonly #planning = new Semaphore(PLANNED_AT_ONCE);
  /** Evidence of Matroska clips that is made at the same time: it reads all segments. */
  readonly #printing = new Semaphore(PLANNED_AT_ONCE);
  /** Plans of MP4 files that are complete; the least recently used first. */
  readonly #plans = new Map<string, ClipFile>();
  /** Evidence of Matroska clips, by segments and range; the least recently used first. */
  readonly #tags = new Map<string, MkvEvidence>();
  /**
   * Evidence of MP4 clips that may still grow, by segments and range: the same segments are the same file
   * while a player reads it, although blocks of them get anchors meanwhile.
   */
  readonly #boxes = new Map<string, Uint8Array>();
  /** Recordings have numbers in the keys of `#plans`: one that was closed and opened again is another. */
  readonly #numbers = new WeakMap<object, number>();
  #lastNumber = 0;

  /**
   * @param reader of chunk files
   * @param proof the chains of evidence; undefined: there are none
   */
  constructor(reader: Pick<RangeReader, 'read'>, proof?: ClipProof) {
    this.#reader = reader;
    this.#proof = proof;
    const semaphore = new Semaphore();
    this.#shapes = new Memo(semaphore, MAX_LEARNED);
    this.#lengths = new Memo(semaphore, MAX_LEARNED);
  }

  /**
   * The clip of the segments that overlap `range`, from the key frame before its start.
   *
   * @param options.signal stops reading segments
   * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`; `unsupported-media` where the codec
   *   configuration changes; `unauthorized` for a long one without a session; `too-many-requests`
   */
  async answer(stream: ServedStream, requested: Range, format: ClipFormat, options: ClipOptions): Promise<Reply> {
    await refuseStrangers('clip', requested, options.budget);
    const proof = options.isBare || format === 'ts' ? undefined : this.#proof;
    // Before a place is taken: this may wait for seconds.
    const range = proof
      ? await signedRange(stream, requested, { proof, visible: visibleTo(stream, options, proof) }, options)
      : requested;
    const settled = stream.settled(requested.toUs);
    const { startUs, ...file } =
      format === 'mp4'
        ? await this.#file(stream, range, settled, options)
        : await this.#remuxed(stream, range, format, options);
    const start = new Date(startUs / 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    return {
      ...file,
      contentType: contentTypes[format],
      cacheControl: settled ? caching.past : caching.live,
      filename: `${stream.name.replace('~', '-')}-${start}.${format}`,
    };
  }

  async #file(stream: ServedStream, range: Range, settled: boolean, options: ClipOptions): Promise<ClipFile> {
    // What retention has deleted is not in the file, also if it was when the file was first requested.
    const keptUs = Math.max(range.fromUs, stream.horizonUs());
    const proof = options.isBare ? 'bare' : rulesOf(stream, options);
    const number = this.#numberOf(stream.recording);
    // Media that is found later makes another file.
    const changes = `${stream.list.erasures}-${stream.recording.lateCount ?? 0}`;
    const key = [number, changes, range.fromUs, keptUs, range.toUs, proof].join('/');
    const cached = settled ? this.#plans.get(key) : undefined;
    this.#plans.delete(key);
    const forget = () => this.#plans.delete(key);
    const plan = async (): Promise<ClipFile> => {
      // Another request may have planned it while this one waited.
      const known = settled ? this.#plans.get(key) : undefined;
      const made = known ?? (await this.#plan(stream, range, forget, options));
      if (settled && !made.isProvisional) this.#plans.set(key, made);
      return made;
    };
    const file = cached ?? (await this.#planning.run(plan));
    if (cached) this.#plans.set(key, cached);
    dropOldest(this.#plans, MAX_PLANS);
    dropHeavy(this.#plans, ({ shared }) => shared?.bytes ?? 0, MAX_EVIDENCE_BYTES);
    return file;
  }

  async #plan(stream: ServedStream, range: Range, forget: () => void, options: ClipOptions): Promise<ClipFile> {
    options.budget?.begin();
    const source: GroupSource<ClipStoredGroup, StepPlace> = {
      reopen: (place) => reopenStep(stream, place),
      read: (group, segment) => readIntact(this.#reader, { ...segment, location: segment.location ?? group.location }),
      changed: forget,
    };
    let planner: FilePlanner<ClipStoredGroup, StepPlace> | undefined;
    let startUs = 0;
    let [lastUs, endUs] = [0, 0];
    for await (const { place, groups } of clipSteps(stream, range, options)) {
      let isFirst = true;
      for (const group of groups) {
        if (!planner) startUs = group.startUs;
        lastUs = group.startUs;
        endUs = group.startUs + group.durationUs;
        planner ??= new FilePlanner(tracksOf(stream, group), source);
        if (isFirst) planner.begin(place);
        isFirst = false;
        planner.add(group);
      }
    }
    const { groups, ...plan } = planner!.finish();
    const media = { startUs, lastUs, endUs };
    const proof = options.isBare ? undefined : this.#proof;
    if (!proof) return { ...plan, startUs };
    const visible = visibleTo(stream, options, proof);
    return { ...(await this.#prove(plan, { proof, stream, range, media, visible, groups }, options)), startUs };
  }

  /** A file with its evidence, if its stream has some. */
  async #prove(plan: FilePlan, clip: MovieClip, options: ClipOptions): Promise<Omit<ClipFile, 'startUs'>> {
    const { stream, range } = clip;
    const key = `${plan.etag}/${range.fromUs}/${range.toUs}/${factsOf(stream, range, options)}`;
    const cached = this.#boxes.get(key);
    if (cached) return withEvidence(plan, cached);
    const made = await makeEvidence(plan, clip, options);
    if (!made) return plan;
    const { box, isProvisional } = made;
    if (!isProvisional && box.length <= MAX_BOX_BYTES) this.#boxes.set(key, box);
    dropOldest(this.#boxes, MAX_BOXES);
    return { ...withEvidence(plan, box), isProvisional };
  }

  #numberOf(recording: object): number {
    const number = this.#numbers.get(recording) ?? ++this.#lastNumber;
    this.#numbers.set(recording, number);
    return number;
  }

  async #remuxed(
    stream: ServedStream,
    range: Range,
    format: Exclude<ClipFormat, 'mp4'>,
    options: ClipOptions,
  ): Promise<ClipFile> {
    const { groups, tracks } = await this.#planning.run(() => openShort(stream, range, format, options));
    const request = { tracks, groups, times: planClipTimes(tracks, groups), reader: this.#reader };
    const [first, last] = [groups[0]!, groups.at(-1)!];
    const media = { startUs: first.startUs, lastUs: last.startUs, endUs: last.startUs + last.durationUs };
    const etag = etagOfFile(groups, format);
    const proof = format === 'mkv' && !options.isBare ? this.#proof : undefined;
    const key = `${etag}/${range.fromUs}/${range.toUs}`;
    const visible = proof && visibleTo(stream, options, proof);
    const evidence = proof && (await this.#tagOf(key, request, { proof, stream, range, media, visible }, options));
    const body: BodyPart[] = await (format === 'mkv'
      ? mkvBody(request, this.#shapes, { signal: options.signal, evidence })
      : tsBody(request, this.#lengths, options));
    const largest = body.reduce((most, { length }) => Math.max(most, length), 0);
    return {
      body,
      length: lengthOf(body),
      etag: evidence ? createHash('sha1').update(etag).update(evidence.tag).digest('base64url') : etag,
      startUs: first.startUs,
      weight: groups.length * REMUXED_GROUP_BYTES + largest,
      ...(evidence && { shared: { of: evidence, bytes: evidence.weight } }),
    };
  }

  /** The evidence of a Matroska clip. @param key names its segments and its range */
  async #tagOf(
    key: string,
    request: RemuxRequest,
    clip: ProvedClip,
    options: ClipOptions,
  ): Promise<MkvEvidence | undefined> {
    const { stream, range } = clip;
    const now = `${key}/${factsOf(stream, range, options)}`;
    const plan = { signal: options.signal, printing: this.#printing };
    let evidence = this.#tags.get(now);
    if (!evidence) {
      evidence = await this.#planning.run(() => planMkvEvidence(request, clip, plan));
      if (evidence) options.budget?.spend(request.groups.length * SEGMENTS_COST);
    }
    this.#tags.delete(now);
    if (evidence && !evidence.isProvisional) this.#tags.set(now, evidence);
    dropOldest(this.#tags, MAX_TAGS);
    dropHeavy(this.#tags, ({ weight }) => weight, MAX_TAG_BYTES);
    return evidence;
  }
}

/** Drops the oldest that are together, with all newer ones, over a bound of bytes. */
function dropHeavy<T>(kept: Map<string, T>, bytesOf: (value: T) => number, max: number): void {
  let bytes = 0;
  for (const [key, value] of [...kept].reverse()) {
    bytes += bytesOf(value);
    if (bytes > max) kept.delete(key);
  }
}

/** What expires, or is erased, is a fact of the evidence; and not every client gets all of it. */
function factsOf(stream: ProvedClip['stream'], { fromUs }: Range, options: ClipOptions): string {
  const { recording, list } = stream;
  return [recording.streamId, list.erasures, stream.horizonUs() > fromUs, rulesOf(stream, options)].join('/');
}

/** What of the past the client may see; undefined: all. */
function visibleTo(
  { past }: Pick<ServedStream, 'past'>,
  { isExempt }: ClipOptions,
  proof: Pick<ClipProof, 'nowUs'>,
): VisiblePast | undefined {
  return past && !isExempt && limitsTimes(past) ? visiblePast(past, proof.nowUs / 1000) : undefined;
}

/** Names the rules that concern the client. */
function rulesOf({ past }: Pick<ServedStream, 'past'>, { isExempt }: ClipOptions): string {
  return past && !isExempt && limitsTimes(past) ? JSON.stringify(past) : '';
}

/** The segments of a remuxed clip, and their tracks. */
async function openShort(
  stream: ServedStream,
  range: Range,
  format: ClipFormat,
  options: WorkOptions,
): Promise<{ readonly groups: readonly ClipStoredGroup[]; readonly tracks: readonly Track[] }> {
  options.budget?.begin();
  const groups: ClipStoredGroup[] = [];
  let tracks: readonly Track[] = [];
  let durationUs = 0;
  for await (const step of clipSteps(stream, range, options)) {
    for (const group of step.groups) {
      if (groups.length === 0) tracks = tracksOf(stream, group);
      groups.push(picturesAndSound(group, tracks));
      durationUs += group.durationUs;
      if (durationUs > MAX_REMUXED_US || groups.length > MAX_REMUXED_SEGMENTS) throw tooLong(format);
    }
  }
  return { groups, tracks };
}

/** A copy with only video and audio: these are remuxed; text and metadata exist in the MP4 only. */
function picturesAndSound(group: ClipStoredGroup, tracks: readonly Track[]): ClipStoredGroup {
  const isTaken = (id: number) => tracks.some((track) => track.id === id && /^(?:video|audio)$/.test(track.kind));
  return { ...group, tracks: group.tracks.filter(({ trackId }) => isTaken(trackId)).map((track) => ({ ...track })) };
}

function tooLong(format: ClipFormat): OxbowError {
  return new OxbowError(
    'window-too-long',
    `A .${format} clip is at most 2 hours and ${MAX_REMUXED_SEGMENTS} segments long; request a shorter one, or .mp4.`,
  );
}
