/**
 * Answers /clip/{stream}/{from}/{to}.mp4, .mkv and .ts: complete stored segments as one file that starts at
 * time 0 (docs/media.md 20), with Content-Length and byte ranges. The length of an MP4 follows from the
 * index, and its body is planned while it is sent; the other formats are remuxed, which needs the sizes of
 * the frames.
 * In: a time range, the budget of the client. Out: Reply.
 */

import type { Track } from '@oxbow/media/frame';
import { planClipTimes } from '@oxbow/media/isobmff/clip/clip-times';
import type { GroupShape } from '@oxbow/media/matroska/cluster';
import type { ClipFormat } from '../../api/media-address.ts';
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
import { etagOfFile } from './clip-file.ts';
import { type ClipStoredGroup, clipSteps, reopenStep, type StepPlace, tracksOf } from './clip-groups.ts';
import { mkvBody } from './clip-mkv.ts';
import { tsBody } from './clip-ts.ts';
import { type FilePlan, FilePlanner, type GroupSource } from './file-plan.ts';

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

/** A file before it is a reply. */
interface ClipFile extends FilePlan {
  /** Start of its first segment, µs since 1970. */
  readonly startUs: number;
}

/** Clips of all streams. */
export class Clips {
  readonly #reader: Pick<RangeReader, 'read'>;
  /** Shapes of segments, for .mkv. */
  readonly #shapes: Memo<GroupShape>;
  /** Lengths of segments, for .ts; bytes. */
  readonly #lengths: Memo<number>;
  readonly #planning = new Semaphore(PLANNED_AT_ONCE);
  /** Plans of MP4 files that are complete; the least recently used first. */
  readonly #plans = new Map<string, ClipFile>();
  /** Recordings have numbers in the keys of `#plans`: one that was closed and opened again is another. */
  readonly #numbers = new WeakMap<object, number>();
  #lastNumber = 0;

  /** @param reader of chunk files */
  constructor(reader: Pick<RangeReader, 'read'>) {
    this.#reader = reader;
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
  async answer(stream: ServedStream, range: Range, format: ClipFormat, options: WorkOptions): Promise<Reply> {
    await refuseStrangers('clip', range, options.budget);
    const settled = stream.settled(range.toUs);
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

  async #file(stream: ServedStream, range: Range, settled: boolean, options: WorkOptions): Promise<ClipFile> {
    // What retention has deleted is not in the file, also if it was when the file was first requested.
    const keptUs = Math.max(range.fromUs, stream.horizonUs());
    const key = [this.#numberOf(stream.recording), stream.list.erasures, range.fromUs, keptUs, range.toUs].join('/');
    const cached = settled ? this.#plans.get(key) : undefined;
    this.#plans.delete(key);
    const forget = () => this.#plans.delete(key);
    const file = cached ?? (await this.#planning.run(() => this.#plan(stream, range, forget, options)));
    if (settled) this.#plans.set(key, file);
    dropOldest(this.#plans, MAX_PLANS);
    return file;
  }

  async #plan(stream: ServedStream, range: Range, forget: () => void, options: WorkOptions): Promise<ClipFile> {
    options.budget?.begin();
    const source: GroupSource<ClipStoredGroup, StepPlace> = {
      reopen: (place) => reopenStep(stream, place),
      read: (group, segment) => readIntact(this.#reader, { ...segment, location: segment.location ?? group.location }),
      changed: forget,
    };
    let planner: FilePlanner<ClipStoredGroup, StepPlace> | undefined;
    let startUs = 0;
    for await (const { place, groups } of clipSteps(stream, range, options)) {
      let isFirst = true;
      for (const group of groups) {
        if (!planner) startUs = group.startUs;
        planner ??= new FilePlanner(tracksOf(stream, group), source);
        if (isFirst) planner.begin(place);
        isFirst = false;
        planner.add(group);
      }
    }
    return { ...planner!.finish(), startUs };
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
    options: WorkOptions,
  ): Promise<ClipFile> {
    const { groups, tracks } = await this.#planning.run(() => openShort(stream, range, format, options));
    const request = { tracks, groups, times: planClipTimes(tracks, groups), reader: this.#reader };
    const body: BodyPart[] = await (format === 'mkv'
      ? mkvBody(request, this.#shapes, options)
      : tsBody(request, this.#lengths, options));
    const largest = body.reduce((most, { length }) => Math.max(most, length), 0);
    return {
      body,
      length: lengthOf(body),
      etag: etagOfFile(groups, format),
      startUs: groups[0]!.startUs,
      weight: groups.length * REMUXED_GROUP_BYTES + largest,
    };
  }
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
