/**
 * The storyboards of all recordings: one file per ten-minute window, next to its chunk files. The files are
 * the only record of what there is; a file is scanned when it is used first.
 * In: small pictures, one stream's in order of time. Out: where the picture of an instant is, and its bytes;
 * the size of each storyboard.
 */

import { concatBytes } from '@oxbow/media/bytes';
import { listStoryboards, recordingPrefix, storyboardLocation } from '../../archive/recording-locations.ts';
import { isMissing, type SegmentLocation, type SegmentStore } from '../../archive/segment-store.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Recent } from '../../lib/recent.ts';
import { WINDOW_US, windowOf } from '../window.ts';
import { printPicture, type StoredPicture, type StoryboardPicture, scanPictures } from './storyboard-file.ts';

/** At most one picture is stored per slot: ten seconds of UTC, µs. */
export const SLOT_US = 10_000_000;
/** Largest distance of two pictures where key frames come, µs: whole slots. */
export const MAX_DISTANCE_US = 120_000_000;
/** Longest distance of key frames that a picture reaches over, µs. */
export const MAX_KEY_DISTANCE_US = 60_000_000;
/** Largest file that is read: a window has at most 60 pictures of 64 KiB. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** Bytes of scanned files in memory: about 800 windows. */
const MAX_SCANNED_BYTES = 4 * 1024 * 1024;
/** Of one scanned picture in memory, about. */
const SCANNED_BYTES = 80;
/** No picture reaches longer: the windows before a range in which to search are bounded. */
const MAX_REACH_MS = (MAX_DISTANCE_US + MAX_KEY_DISTANCE_US) / 1000;
/** Files whose size is read at a time. */
const SIZES_AT_ONCE = 8;

/** Start of the slot of an instant, µs since 1970. */
export function slotOf(us: number): number {
  return Math.floor(us / SLOT_US) * SLOT_US;
}

/** A picture of a stream, and where it is. */
interface FoundPicture extends StoredPicture {
  readonly location: SegmentLocation;
}

/** The storyboard of one stream, for delivery. */
export interface StoryboardReader {
  /**
   * The picture of an instant, µs since 1970: the first of its slot, otherwise one whose reach includes the
   * slot.
   */
  at(us: number): Promise<FoundPicture | undefined>;
  /** The pictures from [fromUs, toUs), oldest first, and the one before that reaches into it. */
  between(fromUs: number, toUs: number): Promise<FoundPicture[]>;
  /** The JPEG. Rejects with OxbowError `gone` if it was deleted. */
  read(picture: FoundPicture): Promise<Uint8Array>;
}

/** What `Storyboards.erase` has deleted. */
interface ErasedPictures {
  readonly pictures: number;
  readonly locations: readonly SegmentLocation[];
}

interface Scanned {
  readonly pictures: readonly FoundPicture[];
  /** Intact records, bytes. */
  readonly length: number;
  /** Whether there is a file. */
  readonly exists: boolean;
}

const NONE: Scanned = { pictures: [], length: 0, exists: false };

/** Storyboards of all streams of a data folder. */
export class Storyboards {
  readonly #segments: SegmentStore;
  readonly #isErased: (streamId: string, us: number) => boolean;
  /** The last change of each stream that is changing: one at a time. */
  readonly #changes = new Map<string, Promise<unknown>>();
  readonly #scanned = new Recent<Promise<Scanned>>({ maxBytes: MAX_SCANNED_BYTES });
  /** Bytes of the files of a stream by window, from the first question on. */
  readonly #sizes = new Map<string, Promise<Map<number, number>>>();

  /**
   * @param isErased whether the media of an instant was deleted on request: its picture is not stored
   */
  constructor(segments: SegmentStore, isErased: (streamId: string, us: number) => boolean = () => false) {
    this.#segments = segments;
    this.#isErased = isErased;
  }

  /**
   * Stores a picture. One call at a time for a stream, in order of time.
   *
   * @returns false if its slot has a picture already, e.g. of the process before, or the file of its window
   *   is on a node that does not run
   */
  append(streamId: string, picture: StoryboardPicture): Promise<boolean> {
    return this.#change(streamId, async () => {
      try {
        return await this.#append(streamId, picture);
      } catch (error) {
        if (error instanceof OxbowError && error.code === 'not-ready') return false;
        throw error;
      }
    });
  }

  async #append(streamId: string, picture: StoryboardPicture): Promise<boolean> {
    if (this.#isErased(streamId, picture.atUs)) return false;
    const windowUs = windowOf(picture.atUs);
    const location = storyboardLocation(streamId, windowUs / 1000);
    const scanned = await this.#scan(location);
    const { pictures, length } = scanned;
    const last = pictures.at(-1);
    if (last && slotOf(last.atUs) >= slotOf(picture.atUs)) return false;
    const pieces = printPicture(picture);
    try {
      await this.#write(location, scanned, pieces);
    } catch (error) {
      // Scanned again at the next use: a part of it may have been written.
      this.#scanned.delete(location);
      throw error;
    }
    const offset = length + pieces[0]!.length;
    const { atUs, reachMs } = picture;
    const added = { location, atUs, reachMs, offset, length: picture.jpeg.length };
    const grown = { pictures: [...pictures, added], length: offset + picture.jpeg.length, exists: true };
    this.#remember(location, Promise.resolve(grown), grown.pictures.length);
    (await this.#sizes.get(streamId))?.set(windowUs, grown.length);
    return true;
  }

  /** The storyboard of one stream. */
  reader(streamId: string): StoryboardReader {
    const ofWindow = async (windowUs: number) => {
      const { pictures } = await this.#scan(storyboardLocation(streamId, windowUs / 1000));
      return pictures;
    };
    const between = async (fromUs: number, toUs: number) => {
      const results: FoundPicture[] = [];
      for (let windowUs = windowOf(fromUs - MAX_REACH_MS * 1000); windowUs < toUs; windowUs += WINDOW_US) {
        results.push(...(await ofWindow(windowUs)));
      }
      const first = results.findLastIndex(({ atUs }) => atUs <= fromUs);
      const reaches = first >= 0 && results[first]!.atUs + results[first]!.reachMs * 1000 > fromUs;
      return results.slice(reaches ? first : first + 1).filter(({ atUs }) => atUs < toUs);
    };
    return {
      between,
      async at(us) {
        const slotUs = slotOf(us);
        const [last] = (await between(slotUs, slotUs + SLOT_US)).slice(-1);
        return last;
      },
      read: ({ location, offset, length }) => this.#segments.read(location, { offset, length }),
    };
  }

  /** Bytes of the storyboard of a stream. The first call reads the sizes of its files. */
  async bytesOf(streamId: string): Promise<number> {
    let bytes = 0;
    for (const size of (await this.#sizesOf(streamId)).values()) bytes += size;
    return bytes;
  }

  /**
   * Forgets the file of a window before it is deleted.
   * @returns its location, and its size in bytes if it is known
   */
  async forgetWindow(
    streamId: string,
    windowUs: number,
  ): Promise<{ readonly location: SegmentLocation; readonly size: number }> {
    const location = storyboardLocation(streamId, windowUs / 1000);
    this.#scanned.delete(location);
    const sizes = await this.#sizes.get(streamId);
    const size = sizes?.get(windowUs) ?? 0;
    sizes?.delete(windowUs);
    return { location, size };
  }

  /**
   * Deletes the pictures of [fromUs, toUs) for good, µs since 1970.
   *
   * @returns their number, and the files that have changed
   */
  erase(streamId: string, fromUs: number, toUs: number): Promise<ErasedPictures> {
    return this.#change(streamId, () => this.#erase(streamId, fromUs, toUs));
  }

  async #erase(streamId: string, fromUs: number, toUs: number): Promise<ErasedPictures> {
    let count = 0;
    const locations: SegmentLocation[] = [];
    for (let windowUs = windowOf(fromUs); windowUs < toUs; windowUs += WINDOW_US) {
      const location = storyboardLocation(streamId, windowUs / 1000);
      const { pictures } = await this.#read(location);
      const kept = pictures.filter(({ atUs }) => atUs < fromUs || atUs >= toUs);
      if (kept.length === pictures.length) continue;
      const records: Uint8Array[] = [];
      for (const picture of kept) {
        const jpeg = await this.#segments.read(location, picture);
        records.push(...printPicture({ ...picture, jpeg }));
      }
      if (kept.length > 0) await this.#segments.put(location, concatBytes(records));
      else await this.#segments.delete(location);
      this.#scanned.delete(location);
      const sizes = await this.#sizes.get(streamId);
      if (kept.length > 0)
        sizes?.set(
          windowUs,
          records.reduce((sum, { length }) => sum + length, 0),
        );
      else sizes?.delete(windowUs);
      count += pictures.length - kept.length;
      locations.push(location);
    }
    return { pictures: count, locations };
  }

  /** Forgets a stream whose recording is deleted. */
  forget(streamId: string): void {
    this.#sizes.delete(streamId);
    const prefix = recordingPrefix(streamId);
    for (const [location] of this.#scanned.entries()) if (location.startsWith(prefix)) this.#scanned.delete(location);
  }

  async #change<T>(streamId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#changes.get(streamId) ?? Promise.resolve();
    const next = before.then(work, work);
    this.#changes.set(streamId, next);
    try {
      return await next;
    } finally {
      if (this.#changes.get(streamId) === next) this.#changes.delete(streamId);
    }
  }

  #scan(location: SegmentLocation): Promise<Scanned> {
    const scanned = this.#scanned.get(location);
    if (scanned) return scanned;
    const scanning = this.#read(location);
    this.#remember(location, scanning, 60);
    scanning.catch(() => this.#scanned.delete(location));
    return scanning;
  }

  #remember(location: SegmentLocation, scanned: Promise<Scanned>, pictures: number): void {
    this.#scanned.set(location, scanned, SCANNED_BYTES * (1 + pictures));
  }

  async #read(location: SegmentLocation): Promise<Scanned> {
    try {
      const size = Math.min(await this.#segments.size(location), MAX_FILE_BYTES);
      const { pictures, length } = scanPictures(await this.#segments.read(location, { offset: 0, length: size }));
      return { pictures: pictures.map((picture) => ({ ...picture, location })), length, exists: true };
    } catch (error) {
      if (isMissing(error)) return NONE;
      throw error;
    }
  }

  /** Writes after the intact records; a torn one is overwritten. */
  async #write(location: SegmentLocation, { length, exists }: Scanned, pieces: readonly Uint8Array[]): Promise<void> {
    if (!exists) {
      await using _writer = await this.#segments.create(location, pieces, { sync: false });
      return;
    }
    await using writer = await this.#segments.reopen(location).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!writer) {
      // Another node began it: this one continues a copy.
      const before = await this.#segments.read(location, { offset: 0, length });
      await using _writer = await this.#segments.create(location, [before, ...pieces], { sync: false });
      return;
    }
    if (writer.length > length) await writer.truncate(length);
    await writer.append(pieces);
  }

  #sizesOf(streamId: string): Promise<Map<number, number>> {
    const size = this.#sizes.get(streamId);
    if (size) return size;
    const reading = this.#readSizes(streamId);
    this.#sizes.set(streamId, reading);
    reading.catch(() => this.#sizes.delete(streamId));
    return reading;
  }

  async #readSizes(streamId: string): Promise<Map<number, number>> {
    const files = await listStoryboards(this.#segments, streamId);
    const sizes = new Map<number, number>();
    for (let at = 0; at < files.length; at += SIZES_AT_ONCE) {
      await Promise.all(
        files.slice(at, at + SIZES_AT_ONCE).map(async ({ location, startMs }) => {
          const size = await this.#segments.size(location).catch((error: unknown) => {
            if (isMissing(error)) return undefined;
            throw error;
          });
          if (size !== undefined) sizes.set(startMs * 1000, size);
        }),
      );
    }
    return sizes;
  }
}
