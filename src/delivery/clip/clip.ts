/**
 * Answers /clip/{stream}/{from}/{to}.mp4, .mkv and .ts: complete stored segments as one file that starts at time 0 (docs/media.md 20), with
 * Content-Length and byte ranges. The length of an MP4 follows from the index; the other formats are remuxed, which needs the sizes of the
 * frames.
 * In: a time range. Out: Reply.
 */
import type { ClipFormat } from '../../api/media-address.ts';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Track } from '../../media/frame.ts';
import { planClipTimes } from '../../media/isobmff/clip/clip-times.ts';
import type { GroupShape } from '../../media/matroska/cluster.ts';
import { lengthOf } from '../body-parts.ts';
import { type Range, segmentsOver } from '../past/past.ts';
import type { StoredSegment } from '../past/past-presentation.ts';
import type { BodyPart, Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, contentTypes } from '../text-reply.ts';
import { etagOfFile, fileOf } from './clip-file.ts';
import { Memo, Semaphore } from './clip-memo.ts';
import { mkvBody } from './clip-mkv.ts';
import { tsBody } from './clip-ts.ts';

/** A `sidx` counts its segments in 16 bits (ISO/IEC 14496-12, 8.16.3). */
const MAX_SEGMENTS = 65_535;
/** Longest remuxed clip, µs: each segment is read before the response begins. */
const MAX_REMUXED_US = 2 * 3600 * 1_000_000;
const MAX_REMUXED_SEGMENTS = 16_384;
/** Cached shapes, some hundred bytes each: more than the longest clip has. */
const MAX_LEARNED = 2 * MAX_REMUXED_SEGMENTS;

/** Clips of all streams. */
export class Clips {
  readonly #reader: Pick<RangeReader, 'read'>;
  /** Shapes of segments, for .mkv. */
  readonly #shapes: Memo<GroupShape>;
  /** Lengths of segments, for .ts; bytes. */
  readonly #lengths: Memo<number>;

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
   * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`; `unsupported-media` where the codec configuration changes
   */
  async answer(
    stream: ServedStream,
    range: Range,
    format: ClipFormat,
    { signal }: { signal: AbortSignal },
  ): Promise<Reply> {
    const settled = stream.settled(range.toUs);
    const { groups, tracks } = await openClip(stream, range);
    checkLength(groups, format);
    const body = await this.#body(format, tracks, groups, { signal });
    const start = new Date(groups[0]!.startUs / 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    return {
      contentType: contentTypes[format],
      cacheControl: settled ? caching.past : caching.live,
      length: lengthOf(body),
      body,
      etag: etagOfFile(groups, format),
      filename: `${stream.name.replace('~', '-')}-${start}.${format}`,
    };
  }

  #body(
    format: ClipFormat,
    tracks: readonly Track[],
    stored: readonly StoredSegment[],
    options: { signal: AbortSignal },
  ): Promise<BodyPart[]> | BodyPart[] {
    const reader = this.#reader;
    const groups = format === 'mp4' ? stored : stored.map((group) => picturesAndSound(group, tracks));
    if (format === 'mp4') {
      return fileOf(tracks, groups, (group, segment) =>
        readIntact(reader, { ...segment, location: segment.location ?? group.location }),
      );
    }
    const request = { tracks, groups, times: planClipTimes(tracks, groups), reader };
    return format === 'mkv' ? mkvBody(request, this.#shapes, options) : tsBody(request, this.#lengths, options);
  }
}

/** The segments of a clip, at least one, and the tracks that they share. */
export interface OpenedClip {
  readonly groups: readonly StoredSegment[];
  readonly tracks: readonly Track[];
}

/**
 * Finds the segments that overlap `range`, from the key frame before its start.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`; `unsupported-media` where the codec configuration changes
 */
export async function openClip(stream: ServedStream, range: Range): Promise<OpenedClip> {
  const groups = await segmentsOver(stream, range);
  return { groups, tracks: sharedTracks(groups) };
}

/** The tracks of the init section that all groups share. */
function sharedTracks(groups: readonly StoredSegment[]): readonly Track[] {
  const first = groups[0]!;
  const other = groups.find((group) => group.init !== first.init);
  if (other) {
    throw new OxbowError(
      'unsupported-media',
      `the codec configuration changes at ${new Date(other.startUs / 1000).toISOString()}; ask for a clip that ends or starts there`,
    );
  }
  if (!first.init) throw new OxbowError('no-media', `the codec configuration of segment ${first.msn} is not known`);
  return first.init.tracks;
}

/** Only video and audio are remuxed; text and metadata exist in the MP4 only. */
function picturesAndSound(group: StoredSegment, tracks: readonly Track[]): StoredSegment {
  const kinds = new Map(tracks.map(({ id, kind }) => [id, kind]));
  const isTaken = (id: number) => kinds.get(id) === 'video' || kinds.get(id) === 'audio';
  return { ...group, tracks: group.tracks.filter(({ trackId }) => isTaken(trackId)) };
}

function checkLength(groups: readonly StoredSegment[], format: ClipFormat): void {
  if (groups.length > MAX_SEGMENTS) {
    throw new OxbowError('window-too-long', `${groups.length} segments are too many for one file`);
  }
  if (format === 'mp4') return;
  const durationUs = groups.reduce((sum, group) => sum + group.durationUs, 0);
  if (durationUs > MAX_REMUXED_US || groups.length > MAX_REMUXED_SEGMENTS) {
    throw new OxbowError(
      'window-too-long',
      `a .${format} clip is at most 2 hours and ${MAX_REMUXED_SEGMENTS} segments long; ask for a shorter one, or for .mp4`,
    );
  }
}
