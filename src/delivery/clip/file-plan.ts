/**
 * Stored segments as one MP4 file whose body is planned in portions while it is sent: an open file keeps a
 * few numbers for each portion, and none of its segments. One pass over the index gives length, header and
 * validator.
 * In: a source of groups that can be read again. Out: the parts of the file. docs/media.md 20.
 */
import { createHash } from 'node:crypto';
import type { Track } from '@oxbow/media/frame';
import {
  type LineReferences,
  printClipHead,
  printSidxHeads,
  REFERENCE_BYTES,
  SidxReferences,
} from '@oxbow/media/isobmff/clip/clip-header';
import { rebaseSegment } from '@oxbow/media/isobmff/clip/clip-segment';
import {
  type ClipGroup,
  type ClipLine,
  type ClipSegment,
  type ClipSpans,
  ClipTimeline,
} from '@oxbow/media/isobmff/clip/clip-times';
import { OxbowError } from '../../lib/errors.ts';
import { lengthOf } from '../body-parts.ts';
import type { BodyPart } from '../reply.ts';
import { groupLine, revisionOf } from './clip-file.ts';

/** Bytes of references that are sent together. */
const BLOCK_BYTES = 16 * 1024;
/** Memory of a portion of a plan, bytes; measured. */
const MARK_BYTES = 400;

/** A segment with its checksum. */
interface FileSegment extends ClipSegment {
  readonly crc: number;
}

/** The segments of one MSN. */
interface FileGroup extends ClipGroup {
  readonly msn: number;
  readonly tracks: readonly FileSegment[];
}

/** Groups of segments that can be read again, portion by portion. */
export interface GroupSource<Group extends FileGroup, Place> {
  /**
   * The groups of a portion again, as an iterable that can be walked repeatedly; more may follow. A group is
   * valid until the next one.
   */
  reopen(place: Place): Promise<Iterable<Group>>;
  /** Media of a segment. */
  read(group: Group, segment: Group['tracks'][number]): Promise<Uint8Array>;
  /** Called if a portion has changed: the plan is of no use. */
  changed?(): void;
}

/** The totals before a portion, or before the end. */
interface Mark<Place> {
  /** Undefined at the end. */
  readonly place: Place | undefined;
  /** Span of its first group. */
  readonly span: number;
  readonly groups: number;
  /** Segments with media; fragments are numbered by it. */
  readonly segments: number;
  /** Of media. */
  readonly bytes: number;
  /** Sum of the checksums, 32 bits: whether the portion is unchanged. */
  readonly crc: number;
  /** References of each track that has begun, in that order. */
  readonly references: readonly number[];
}

export interface FilePlan {
  readonly body: readonly BodyPart[];
  /** Bytes. */
  readonly length: number;
  readonly etag: string;
  /** Memory that the file holds while it is sent, bytes: the plan and its largest segment. */
  readonly weight: number;
}

/** A group in its file. */
export interface PlannedGroup<Group> {
  /** Valid until the next one. */
  readonly group: Group;
  /** What is added to the decode times of one of its segments, ticks of the track. */
  readonly deltaOf: (trackId: number) => number;
}

/** A plan whose groups can be read again. */
interface GroupedPlan<Group> extends FilePlan {
  /** The groups of the file, in order. Throws OxbowError `no-media` if they are no longer. */
  readonly groups: () => AsyncGenerator<PlannedGroup<Group>>;
}

/** A file that is being planned: give it every group, in order. */
export class FilePlanner<Group extends FileGroup, Place> {
  readonly #source: GroupSource<Group, Place>;
  readonly #timeline: ClipTimeline;
  readonly #hash = createHash('sha1').update(revisionOf('mp4'));
  readonly #marks: Mark<Place>[] = [];
  /** By track id, in the order in which they begin. */
  readonly #lines = new Map<number, { count: number; first: number }>();
  #place: Place | undefined;
  #groups = 0;
  #segments = 0;
  #bytes = 0;
  #crc = 0;
  #largest = 0;

  constructor(tracks: readonly Track[], source: GroupSource<Group, Place>) {
    this.#timeline = new ClipTimeline(tracks);
    this.#source = source;
  }

  /** A portion begins with the next group; `place` is what reopens it. */
  begin(place: Place): void {
    this.#place = place;
  }

  /** Adds a group; nothing of it is kept. */
  add(group: Group): void {
    const span = this.#timeline.add(group);
    if (this.#place !== undefined) this.#mark(span);
    this.#hash.update(groupLine(group));
    this.#groups++;
    for (const { trackId, length, crc } of group.tracks) {
      if (length === 0) continue;
      const line = this.#lines.get(trackId) ?? { count: 0, first: this.#bytes };
      this.#lines.set(trackId, line);
      line.count++;
      this.#segments++;
      this.#bytes += length;
      this.#crc = (this.#crc + crc) >>> 0;
      this.#largest = Math.max(this.#largest, length);
    }
  }

  /** The plan, after the last group. @throws RangeError if there was no segment */
  finish(): GroupedPlan<Group> {
    const spans = this.#timeline.finish();
    this.#mark(0);
    const { lines, duration } = spans;
    const file = new PlannedFile(this.#source, this.#marks, spans);
    const places = [...this.#lines.keys()];
    const references = lines.map(({ track }): LineReferences => this.#lines.get(track.id)!);
    const heads = printSidxHeads(lines, references);
    const indexes = lines.flatMap((line, i): BodyPart[] => {
      const at = places.indexOf(line.track.id);
      const blocks = (start: number, end: number) => file.references(line, at, start, end);
      return [heads[i]!, { length: references[i]!.count * REFERENCE_BYTES, blocks }];
    });
    const media = { length: this.#bytes, blocks: (start: number, end: number) => file.media(start, end) };
    const body = [printClipHead(lines, duration), ...indexes, media];
    return {
      body,
      length: lengthOf(body),
      etag: this.#hash.digest('base64url'),
      weight: this.#largest + this.#marks.length * MARK_BYTES + spans.count * lines.length * 8,
      groups: () => file.groups(),
    };
  }

  #mark(span: number): void {
    const references = Array.from(this.#lines.values(), ({ count }) => count);
    const sums = { groups: this.#groups, segments: this.#segments, bytes: this.#bytes, crc: this.#crc };
    this.#marks.push({ place: this.#place, span, ...sums, references });
    this.#place = undefined;
  }
}

/** Reads the parts of a planned file portion by portion. */
class PlannedFile<Group extends FileGroup, Place> {
  readonly #source: GroupSource<Group, Place>;
  readonly #marks: readonly Mark<Place>[];
  readonly #spans: ClipSpans;

  constructor(source: GroupSource<Group, Place>, marks: readonly Mark<Place>[], spans: ClipSpans) {
    this.#source = source;
    this.#marks = marks;
    this.#spans = spans;
  }

  /** As `GroupedPlan.groups`. */
  async *groups(): AsyncGenerator<PlannedGroup<Group>> {
    for (let i = 0; i < this.#marks.length - 1; i++) {
      for (const { group, span } of await this.#portion(i)) {
        yield { group, deltaOf: (trackId) => this.#spans.deltaOf(span, trackId) };
      }
    }
  }

  /** Bytes [start, end) of the references of a line; `at` is its place in the marks. */
  async *references(line: ClipLine, at: number, start: number, end: number): AsyncGenerator<Uint8Array> {
    const from = Math.floor(start / REFERENCE_BYTES);
    const until = Math.ceil(end / REFERENCE_BYTES);
    let block = new Uint8Array(BLOCK_BYTES - (BLOCK_BYTES % REFERENCE_BYTES));
    let filled = 0;
    let sent = from;
    const before = this.#marks.findLastIndex(({ references }) => (references[at] ?? 0) <= from);
    let index = this.#marks[before]!.references[at] ?? 0;
    const references = new SidxReferences(line);
    const take = (printed: Uint8Array | undefined): void => {
      if (!printed) return;
      if (index >= from && index < until) {
        block.set(printed, filled);
        filled += REFERENCE_BYTES;
      }
      index++;
    };
    const cut = (): Uint8Array => {
      const at = sent * REFERENCE_BYTES;
      const piece = block.subarray(Math.max(0, start - at), Math.min(filled, end - at));
      sent += filled / REFERENCE_BYTES;
      filled = 0;
      block = new Uint8Array(block.length);
      return piece;
    };
    for (let i = before; i < this.#marks.length - 1 && index < until; i++) {
      for (const { group, span } of await this.#portion(i)) {
        for (const segment of group.tracks) {
          if (segment.length > 0) take(references.add(segment, this.#spans.deltaOf(span, segment.trackId)));
          if (filled === block.length) yield cut();
        }
      }
    }
    take(references.finish());
    if (filled > 0) yield cut();
  }

  /** Bytes [start, end) of the media. */
  async *media(start: number, end: number): AsyncGenerator<Uint8Array> {
    const before = this.#marks.findLastIndex(({ bytes }) => bytes <= start);
    for (let i = before; i < this.#marks.length - 1 && this.#marks[i]!.bytes < end; i++) {
      let { bytes: at, segments } = this.#marks[i]!;
      for (const { group, span } of await this.#portion(i)) {
        for (const segment of group.tracks) {
          const { length, trackId } = segment;
          if (length === 0) continue;
          const [from, to] = [Math.max(0, start - at), Math.min(length, end - at)];
          if (from < to) {
            const stored = await this.#source.read(group, segment);
            yield rebaseSegment(stored, this.#spans.deltaOf(span, trackId), segments).subarray(from, to);
          }
          at += length;
          segments++;
        }
        if (at >= end) return;
      }
    }
  }

  /**
   * The groups of a portion, as they were when the file was planned.
   * @throws OxbowError `no-media` if they are no longer
   */
  async #portion(index: number): Promise<Iterable<{ readonly group: Group; readonly span: number }>> {
    const mark = this.#marks[index]!;
    const next = this.#marks[index + 1]!;
    const count = next.groups - mark.groups;
    const groups = await this.#source.reopen(mark.place!);
    const numbered = function* () {
      let span = mark.span;
      let taken = 0;
      for (const group of groups) {
        if (group.discontinuity && taken > 0) span++;
        yield { group, span };
        if (++taken === count) return;
      }
    };
    let { groups: sum, bytes, crc } = mark;
    for (const { group } of numbered()) {
      sum++;
      for (const segment of group.tracks) {
        if (segment.length === 0) continue;
        bytes += segment.length;
        crc = (crc + segment.crc) >>> 0;
      }
    }
    if (sum !== next.groups || bytes !== next.bytes || crc !== next.crc) {
      this.#source.changed?.();
      throw new OxbowError('no-media', 'The recording has changed since this answer began; request it again.');
    }
    return { [Symbol.iterator]: numbered };
  }
}
