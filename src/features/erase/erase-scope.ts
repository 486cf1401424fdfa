/**
 * The scope of a deletion: the segments that overlap it, and everything that has some of them.
 * In: a stream, a range. Out: the segments, files, copies, and the pins and assets that are affected.
 */
import type { StoredObjects } from '../../archive/objects/stored-objects.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { ErasedFile, MsnRange } from '../../recording/erase/erase-rows.ts';
import type { ErasedThing, ErasureLeft, ErasureTable } from '../../recording/erase/erasure-table.ts';
import type { Pin, PinTable } from '../../recording/pin-table.ts';
import { overlap, type PinnedRange } from '../../recording/pinned-windows.ts';
import type { RecordedGroup, RecordingReader } from '../../recording/recording-reader.ts';
import { windowOf } from '../../recording/window.ts';

/** Segments of a range, rounded outward. */
export interface SegmentExtent extends MsnRange, PinnedRange {
  readonly segments: number;
  /** Ten-minute windows. */
  readonly windows: number;
  /** Oldest first, without their media. */
  readonly groups: readonly Pick<RecordedGroup, 'msn' | 'startUs' | 'durationUs' | 'gaps'>[];
}

/**
 * The segments of one recording that overlap a range; undefined if there is none. What was found later is
 * another recording, with other numbers.
 */
async function extentOf(
  recording: Pick<RecordingReader, 'recorded'>,
  { fromUs, toUs }: PinnedRange,
): Promise<SegmentExtent | undefined> {
  const groups: SegmentExtent['groups'][number][] = [];
  const windows = new Set<number>();
  for (const { msn, startUs, durationUs, gaps } of await recording.recorded(fromUs, toUs)) {
    groups.push({ msn, startUs, durationUs, gaps });
    windows.add(windowOf(startUs));
  }
  const [first, last] = [groups[0], groups.at(-1)];
  if (!first || !last) return undefined;
  return {
    firstMsn: first.msn,
    lastMsn: last.msn,
    fromUs: first.startUs,
    toUs: last.startUs + last.durationUs,
    segments: groups.length,
    windows: windows.size,
    groups,
  };
}

/**
 * The segments of a stream that overlap a range, and what was found later of it. Segments are deleted whole,
 * so that what was found next to them goes too.
 */
export async function extentsOf(
  recording: Pick<RecordingReader, 'recorded' | 'healed'>,
  range: PinnedRange,
): Promise<{ readonly recorded: SegmentExtent | undefined; readonly later: SegmentExtent | undefined }> {
  const recorded = await extentOf(recording, range);
  const fromUs = Math.min(range.fromUs, recorded?.fromUs ?? range.fromUs);
  const toUs = Math.max(range.toUs, recorded?.toUs ?? range.toUs);
  const later = recording.healed && (await extentOf(recording.healed, { fromUs, toUs }));
  return { recorded, later };
}

/** Where the segments are. */
interface ErasedFiles {
  readonly files: readonly ErasedFile[];
  /** Objects of these files. */
  readonly copies: readonly ErasureLeft[];
  /** Bytes of the media. */
  readonly bytes: number;
}

/**
 * Finds the files of segments, with their copies.
 *
 * @param recordings ids of the recordings of the stream and its qualities
 * @param tools.objects undefined: there is no object store
 */
export async function filesOf(
  recordings: readonly string[],
  range: MsnRange,
  tools: {
    readonly erasures: Pick<ErasureTable, 'look'>;
    readonly objects: Pick<StoredObjects, 'find'> | undefined;
  },
): Promise<ErasedFiles> {
  const files = (await tools.erasures.look(recordings, range)).flat();
  const copies: ErasureLeft[] = [];
  for (const { location } of files) {
    const object = await tools.objects?.find(location);
    if (object) copies.push({ kind: 'copy', name: object.key, target: object.target, problem: '' });
  }
  return { files, copies, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Pins of users within a range, and pins of assets that overlap it. */
export function pinsOver(
  pins: Pick<PinTable, 'of'>,
  streamId: string,
  range: PinnedRange,
): { readonly within: readonly Pin[]; readonly ofAssets: readonly (Pin & { readonly asset: string })[] } {
  const pinsInRange = pins.of(streamId).filter((pin) => overlap(pin, range));
  return {
    within: pinsInRange.filter(
      ({ asset, fromUs, toUs }) => asset === undefined && fromUs >= range.fromUs && toUs <= range.toUs,
    ),
    ofAssets: pinsInRange.flatMap((pin) => (pin.asset === undefined ? [] : [{ ...pin, asset: pin.asset }])),
  };
}

/** Throws if assets have media of a range. @throws OxbowError `recording-in-use` with all of them */
export function refuseAssets(assets: readonly ErasedThing[]): void {
  if (assets.length === 0) return;
  const names = assets.map(({ title, id }) => title || id).join(', ');
  throw new OxbowError('recording-in-use', `Assets are made of this range: ${names.slice(0, 300)}.`, {
    extra: { assets, hint: 'Repeat the request with `assets=delete` to delete them too.' },
  });
}
