/**
 * The segments of an asset: those of all its renditions, joined by MSN, with the place of each track's media.
 * In: renditions with the rows of their chunk files. Out: segments in order, or one by its MSN.
 * docs/decisions/0030.
 */
import type { TextTrack, Track } from '@oxbow/media/frame';
import type { CommittedGroup, CommittedTrack } from '@oxbow/media/isobmff/commit-box';
import type { Init } from '@oxbow/media/segment';
import { SegmentWalker } from './segment-index.ts';
import { type SegmentLocation, segmentLocation } from './segment-store.ts';

/** A chunk file of a rendition. */
interface IndexedChunk {
  readonly first_msn: number;
  readonly last_msn: number;
  readonly path: string;
  /** As `packSegments` packs them. */
  readonly segments: Uint8Array;
}

/** A rendition with its chunk files, in order. */
interface IndexedRendition {
  /**
   * `source`, `source-2`… have the tracks of the original, one after another; the others are encoded.
   */
  readonly id: string;
  readonly tracks: readonly Track[];
  readonly chunks: readonly IndexedChunk[];
}

export interface AssetTrackSegment extends CommittedTrack {
  readonly location: SegmentLocation;
}

/** The segments of all tracks between two cuts. */
export interface AssetSegment {
  readonly msn: number;
  readonly run: number;
  /** UTC = `utcOffsetUs` + pts, µs; 0 for an uploaded file, whose times count from its start. */
  readonly utcOffsetUs: number;
  readonly startUs: number;
  readonly durationUs: number;
  /** Media does not continue that of the previous segment. */
  readonly discontinuity: boolean;
  /** Of all tracks that the asset has here. */
  readonly init: Init;
  /** Each one range of a stored object. */
  readonly tracks: readonly AssetTrackSegment[];
}

/** A larger distance of two segments is a hole, µs. */
const HOLE_US = 500_000;
const SOURCE = /^source(?:-([1-9]\d{0,5}))?$/;

/** The segments of an asset. */
export class AssetIndex {
  readonly #renditions: readonly IndexedRendition[];
  readonly #inits: ReadonlyMap<number, Init>;

  /**
   * @param renditions those that are complete
   * @param texts subtitles next to them, for all of the asset
   */
  constructor(renditions: readonly IndexedRendition[], texts: readonly TextTrack[] = []) {
    const sources = renditions.filter(isSource).sort((a, b) => numberOf(a) - numberOf(b));
    const encoded = renditions.filter((rendition) => !isSource(rendition));
    const added = encoded.flatMap(({ tracks }) => tracks);
    this.#renditions = [...sources, ...encoded];
    this.#inits = new Map(
      (sources.length > 0 ? sources : [{ id: 'source', tracks: [] }]).map((source) => {
        const tracks = [...source.tracks, ...added, ...texts].sort((a, b) => a.id - b.id);
        return [numberOf(source), { number: numberOf(source), hash: '', tracks }];
      }),
    );
  }

  /** Bytes in memory, roughly. */
  get bytes(): number {
    return this.#renditions.reduce(
      (sum, { chunks }) => chunks.reduce((count, { segments }) => count + segments.length + 200, sum),
      4096,
    );
  }

  /** Whether there is no segment at all. */
  get isEmpty(): boolean {
    return this.#renditions.every(({ chunks }) => chunks.length === 0);
  }

  /** The tracks of the newest part of the asset. */
  get tracks(): readonly Track[] {
    return [...this.#inits.values()].at(-1)!.tracks;
  }

  /** All codec configurations, in order. */
  get inits(): Iterable<Init> {
    return this.#inits.values();
  }

  /** The codec configurations with a number. */
  init(number: number): Init | undefined {
    return this.#inits.get(number);
  }

  /** All segments, in order. */
  *[Symbol.iterator](): Generator<AssetSegment> {
    const cursors = this.#renditions.map((rendition) => new Cursor(rendition));
    let before: AssetSegment | undefined;
    for (;;) {
      const msn = Math.min(...cursors.map((cursor) => cursor.msn));
      if (msn === Number.POSITIVE_INFINITY) return;
      const present = cursors.filter((cursor) => cursor.msn === msn);
      before = this.#join(present, before);
      for (const cursor of present) cursor.next();
      yield before;
    }
  }

  /** The segment with an MSN. */
  find(msn: number): AssetSegment | undefined {
    const cursors = this.#renditions.flatMap((rendition) => {
      const chunk = rendition.chunks.find(({ first_msn, last_msn }) => first_msn <= msn && msn <= last_msn);
      const cursor = chunk && new Cursor({ ...rendition, chunks: [chunk] });
      while (cursor && cursor.msn < msn) cursor.next();
      return cursor?.msn === msn ? [cursor] : [];
    });
    return cursors.length > 0 ? this.#join(cursors, undefined) : undefined;
  }

  #join(cursors: readonly Cursor[], before: AssetSegment | undefined): AssetSegment {
    const source = cursors.find(({ rendition }) => isSource(rendition));
    const { msn, run, utcOffsetUs, startUs, durationUs } = cursors[0]!.group;
    const init =
      (source && this.#inits.get(numberOf(source.rendition))) ?? before?.init ?? this.#inits.values().next().value!;
    const discontinuity =
      before !== undefined &&
      (before.run !== run ||
        before.init !== init ||
        msn !== before.msn + 1 ||
        Math.abs(startUs - before.startUs - before.durationUs) >= HOLE_US);
    const tracks = cursors.flatMap(({ group, location }) => group.tracks.map((track) => ({ ...track, location })));
    return { msn, run, utcOffsetUs, startUs, durationUs, discontinuity, init, tracks };
  }
}

/** Walks the segments of one rendition. */
class Cursor {
  readonly rendition: Pick<IndexedRendition, 'id' | 'chunks'>;
  #chunk = 0;
  #walker: SegmentWalker | undefined;
  #msn = 0;
  location = '' as SegmentLocation;

  constructor(rendition: Pick<IndexedRendition, 'id' | 'chunks'>) {
    this.rendition = rendition;
    this.next();
  }

  /** MSN of the current segment; infinite after the last one. */
  get msn(): number {
    return this.#msn;
  }

  /** The current segment; overwritten by `next`. */
  get group(): CommittedGroup {
    return this.#walker!.group;
  }

  next(): void {
    while (!this.#walker?.next()) {
      const chunk = this.rendition.chunks[this.#chunk++];
      if (!chunk) {
        this.#msn = Number.POSITIVE_INFINITY;
        return;
      }
      this.#walker = new SegmentWalker(chunk.segments);
      this.location = segmentLocation(chunk.path);
    }
    this.#msn = this.#walker.group.msn;
  }
}

function isSource({ id }: { readonly id: string }): boolean {
  return SOURCE.test(id);
}

/** The number of a source rendition, from 1; of the others 1. */
function numberOf({ id }: { readonly id: string }): number {
  return Number(SOURCE.exec(id)?.[1] ?? 1);
}
