/**
 * Checks a stored chunk file: its size, its seal, and the CRC-32 of every segment.
 * In: the groups of its index row, its bytes. Out: which groups are damaged, and what is wrong with the file.
 * Read-only. docs/media.md 22.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import { fourccAt, u32At } from '@oxbow/media/isobmff/box';
import type { CommittedGroup, CommittedTrack } from '@oxbow/media/isobmff/commit-box';
import { placeholderOffset } from '../chunk-file.ts';
import { type ChunkLayout, scanChunk } from '../chunk-reader.ts';
import { type Abortable, isMissing, type SegmentLocation, type SegmentStore } from '../segment-store.ts';

/** Bytes of one read: each one costs as much as to read half of it. */
const PIECE_BYTES = 1024 * 1024;
const NO_MSNS: ReadonlySet<number> = new Set();

/** What can be checked: files of a store, or objects in a bucket. */
type CheckedStore = Pick<SegmentStore, 'read' | 'size'> & Partial<Pick<SegmentStore, 'release'>>;

/** What is expected of a file. */
export interface ExpectedChunk {
  readonly location: SegmentLocation;
  /** Bytes; undefined: another row of the file has it. */
  readonly size: number | undefined;
  /** Oldest first. */
  readonly groups: readonly CommittedGroup[];
  /**
   * MSNs that other rows of the same file have: a range between them was deleted. Called if the file has more
   * than `groups`.
   */
  readonly others?: () => Promise<ReadonlySet<number>>;
}

interface CheckOptions extends Abortable {
  /** Called before bytes are read; resolves when they may be. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined;
}

/** Result of a check. */
export interface CheckedChunk {
  /**
   * `stale`: the file is intact, and its index row says something else about it. `missing`: there is no such
   * file.
   */
  readonly state: 'intact' | 'stale' | 'damaged' | 'missing';
  /** Bytes. */
  readonly length: number;
  /** Groups of the index and of the file, oldest first; where they are is what the file says. */
  readonly groups: readonly CommittedGroup[];
  /** MSNs of groups whose media is not there or has another CRC-32. */
  readonly damaged: ReadonlySet<number>;
  /** Sentences about the file; empty if it is intact. */
  readonly problems: readonly string[];
  /** Head and tracks of the file; undefined if its head cannot be read. */
  readonly layout: ChunkLayout | undefined;
  /** Other rows have groups of the file too, which `groups` does not have. */
  readonly isShared: boolean;
}

/**
 * Reads a file and compares it with its index row. Groups that only the file has are checked too: an index
 * row leaves damaged groups out, and an operator may have put the intact file back.
 *
 * @throws errors of the system other than that of a missing file, such as EIO; the reason of `signal`
 */
export async function checkChunk(
  store: CheckedStore,
  { location, size, groups: indexed, others }: ExpectedChunk,
  { signal, pace = () => Promise.resolve() }: CheckOptions = {},
): Promise<CheckedChunk> {
  let layout: ChunkLayout | undefined;
  const problems: string[] = [];
  const damaged = new Set<number>();
  const read = async (offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> => {
    await pace(length);
    return store.read(location, { offset, length }, { signal, into });
  };
  // An open file that was deleted or replaced still has its bytes.
  store.release?.(location);
  try {
    const length = await store.size(location, { signal });
    try {
      layout = await scanChunk(store, location, { signal });
      if (!(await isSealed(layout, read))) problems.push('its end is damaged');
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push(`its head is damaged: ${error.message}`);
    }
    const indexedMsns = new Set(indexed.map(({ msn }) => msn));
    const fileGroups = layout?.groups ?? [];
    const elsewhere = (fileGroups.some(({ msn }) => !indexedMsns.has(msn)) && (await others?.())) || NO_MSNS;
    const isShared = elsewhere.size > 0;
    const groups = joinGroups(
      indexed,
      fileGroups.filter(({ msn }) => !elsewhere.has(msn)),
    );
    const room = new Uint8Array(PIECE_BYTES);
    for (const group of groups)
      if (!(await isIntact(group.tracks, (at, bytes) => read(at, bytes, room)))) damaged.add(group.msn);
    if (damaged.size > 0) problems.push(`${damaged.size} of ${groups.length} segments are damaged`);
    const wrongSize = size === undefined || length === size ? [] : [`it has ${length} bytes instead of ${size}`];
    if (problems.length > 0) {
      return { state: 'damaged', length, groups, damaged, problems: [...wrongSize, ...problems], layout, isShared };
    }
    if (wrongSize.length === 0 && isSame(indexed, groups)) {
      return { state: 'intact', length, groups, damaged, problems, layout, isShared };
    }
    return {
      state: 'stale',
      length,
      groups,
      damaged,
      problems: [...wrongSize, 'its index row says something else'],
      layout,
      isShared,
    };
  } catch (error) {
    if (!isMissing(error)) throw error;
    for (const { msn } of indexed) damaged.add(msn);
    return {
      state: 'missing',
      length: 0,
      groups: indexed,
      damaged,
      problems: ['it is missing'],
      layout: undefined,
      isShared: false,
    };
  }
}

/**
 * Those of the index, and those that only the file has, by MSN. Where a group is, its commit box decides, if
 * the bytes are the same: a repair may have been interrupted between file and row.
 */
function joinGroups(indexed: readonly CommittedGroup[], groups: readonly CommittedGroup[]): CommittedGroup[] {
  const inFile = new Map(groups.map((group) => [group.msn, group]));
  const indexedMsns = new Set(indexed.map(({ msn }) => msn));
  const placed = indexed.map((group) => {
    const stored = inFile.get(group.msn);
    return stored && hasSameBytes(group, stored) ? stored : group;
  });
  return [...placed, ...groups.filter(({ msn }) => !indexedMsns.has(msn))].sort((a, b) => a.msn - b.msn);
}

function hasSameBytes(group: CommittedGroup, other: CommittedGroup): boolean {
  return (
    group.tracks.length === other.tracks.length &&
    group.tracks.every(({ trackId, length, crc }, i) => {
      const track = other.tracks[i]!;
      return track.trackId === trackId && track.length === length && track.crc === crc;
    })
  );
}

/** Whether two lists have the same groups at the same places. */
function isSame(some: readonly CommittedGroup[], others: readonly CommittedGroup[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ msn, tracks }, i) => {
      const other = others[i]!;
      return other.msn === msn && tracks.every(({ offset }, t) => offset === other.tracks[t]?.offset);
    })
  );
}

/**
 * Whether the `mdat`, the `moov` and the seal box fill the file without a hole, so that every player can open
 * it, and whether the commit boxes are those that the seal box has copies of.
 */
async function isSealed(
  { state, length, placeholder, boxes }: ChunkLayout,
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<boolean> {
  if (state !== 'sealed' || placeholder !== 'mdat') return false;
  for (const { self, bytes } of boxes) if (Buffer.compare(await read(self, bytes.length), bytes) !== 0) return false;
  const size = await read(placeholderOffset + 8, 8);
  const moovAt = placeholderOffset + u32At(size, 0) * 2 ** 32 + u32At(size, 4);
  const moov = moovAt + 8 <= length ? await read(moovAt, 8) : new Uint8Array(8);
  if (fourccAt(moov, 4) !== 'moov') return false;
  const sealAt = moovAt + u32At(moov, 0);
  const seal = sealAt + 8 <= length ? await read(sealAt, 8) : new Uint8Array(8);
  return fourccAt(seal, 4) === 'uuid' && sealAt + u32At(seal, 0) === length;
}

async function isIntact(
  tracks: readonly CommittedTrack[],
  read: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<boolean> {
  for (const { offset, length, crc } of tracks) {
    let sum = 0;
    for (let done = 0; done < length; ) {
      const wanted = Math.min(PIECE_BYTES, length - done);
      const bytes = await read(offset + done, wanted);
      if (bytes.length < wanted) return false;
      sum = crc32(bytes, sum);
      done += wanted;
    }
    if (sum !== crc) return false;
  }
  return true;
}
