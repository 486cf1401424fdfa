/**
 * A source of healing: a file, such as one of a camera's memory card. Its media is placed by its clock and by
 * comparing it with the recording; without a clock by comparing only.
 * In: the path of a file, when it begins as far as that is known. Out: found media.
 */
import type { Frame, Track } from '@oxbow/media/frame';
import type { MeasureLevels } from '../../../ffmpeg/engine.ts';
import { type Gop, readGops } from '../../../ingest/file/gops.ts';
import { openLocalFile } from '../../../ingest/file/local-file.ts';
import { sameTracks } from '../../../ingest/same-tracks.ts';
import { GapEdges } from '../match/match-media.ts';
import type { GapSurroundings, HealingGap, HealingLimits, HealingSource, NothingFound } from '../source.ts';
import { COMPARED_MS, placeMedia, type SourceFrames, type SourceRun } from '../sources/placed-media.ts';

/** A clock is wrong by at most this, ms; a file that does not fit is searched as one without a clock. */
export const MAX_SHIFT_MS = 35_000;
/** And the clock of a file that was placed once. */
const PLACED_SHIFT_MS = 1000;
/** Media of a file without a clock is compared in windows of this length, which overlap, µs. */
const WINDOW_US = 240_000_000;
const OVERLAP_US = 60_000_000;
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;
/** A larger step of the file's clock begins another run, µs. */
const STEP_US = 500_000;

/** What is known of a file before it is read. */
export interface FileSourceOptions {
  /** Shown to viewers. */
  readonly name: string;
  readonly path: string;
  /** UTC of its first picture, ms since 1970; undefined without a clock. */
  readonly startMs: number | undefined;
  /** The clock was given or is in its name: it counts where nothing can be compared. */
  readonly isTrusted: boolean;
  readonly measureLevels: MeasureLevels;
}

type FindOptions = HealingLimits & { readonly signal: AbortSignal };

/** A part of the file in time. */
interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A source that says where its media was placed. */
export interface FileSource extends HealingSource {
  /** UTC of its first picture, ms since 1970, once its media was placed; before that by its clock. */
  readonly startMs: number | undefined;
  /** Its media was compared with the recording, and has its place there. */
  readonly isPlaced: boolean;
}

/** Opens the source. The file stays as it is; it has to exist while gaps are healed. */
export function openFileSource(options: FileSourceOptions): FileSource {
  const { name, measureLevels } = options;
  /** When the file begins, once its media was placed; its media then says by itself where it belongs. */
  let placedMs: number | undefined;

  async function place(gap: HealingGap, around: GapSurroundings, startMs: number, how: FindOptions) {
    const { maxBytes, signal } = how;
    const maxShiftMs = placedMs === undefined ? MAX_SHIFT_MS : PLACED_SHIFT_MS;
    const marginMs = maxShiftMs + COMPARED_MS;
    const window = { fromMs: gap.fromMs - marginMs, toMs: gap.toMs + marginMs };
    const source = readRuns(options.path, startMs, window, { signal });
    const trustsDates = options.isTrusted || placedMs !== undefined;
    const compared = (behindUs: number) => {
      placedMs = startMs + behindUs / 1000;
    };
    const clock = { maxShiftMs, measureLevels, trustsDates, compared };
    return placeMedia(source, { gap, around, ...clock, maxBytes, mayComeLater: false, signal });
  }

  return {
    name,
    get startMs() {
      return placedMs ?? options.startMs;
    },
    get isPlaced() {
      return placedMs !== undefined;
    },
    async find(gap, around, how) {
      let reason: string | undefined;
      const startMs = placedMs ?? options.startMs;
      if (startMs !== undefined) {
        const found = await place(gap, around, startMs, how);
        if (found.kind === 'found') return found;
        reason = found.reason;
        // Its clock is known: it has nothing of this gap.
        if (placedMs !== undefined) return found;
      }
      const located = await locate(options, around, how);
      if ('reason' in located) return nothing(reason ?? located.reason);
      placedMs = located.startMs;
      return place(gap, around, placedMs, how);
    },
  };
}

function nothing(reason: string): NothingFound {
  return { kind: 'nothing', reason, mayComeLater: false };
}

/**
 * Reads a file to its end.
 *
 * @returns length of its media, ms; 0 without media
 * @throws FormatError if it is damaged or no such file; OxbowError `unsupported-media`
 */
export async function readLengthMs(path: string, { signal }: { signal: AbortSignal }): Promise<number> {
  let [startUs, endUs] = [Number.POSITIVE_INFINITY, 0];
  for await (const gop of readFile(path, { signal })) {
    startUs = Math.min(startUs, gop.startUs);
    endUs = Math.max(endUs, gop.endUs);
  }
  return Math.max(0, endUs - startUs) / 1000;
}

/** Finds when a file begins by comparing all of it with the recording. */
async function locate(
  { path, measureLevels }: FileSourceOptions,
  around: GapSurroundings,
  { signal }: { signal: AbortSignal },
): Promise<{ readonly startMs: number } | { readonly reason: string }> {
  const edges = await GapEdges.read(around, { signal });
  if (edges.isEmpty) return { reason: 'nothing is recorded to compare with' };
  let reason = 'it has no media';
  let fileStartUs: number | undefined;
  for await (const { tracks, frames, startUs } of readWindows(path, { signal })) {
    fileStartUs ??= startUs;
    const options = { expectedUtcOffsetUs: undefined, maxShiftMs: Number.POSITIVE_INFINITY, measureLevels, signal };
    const placement = await edges.place({ tracks, frames }, options);
    if (placement.isFound) return { startMs: (placement.utcOffsetUs + fileStartUs) / 1000 };
    ({ reason } = placement);
  }
  return { reason };
}

/** The media of a file, by the clock that `startMs` gives it; GOPs outside of the window are left out. */
async function* readRuns(
  path: string,
  startMs: number,
  { fromMs, toMs }: Window,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<SourceFrames, void> {
  let run: (SourceRun & { readonly utcOffsetUs: number }) | undefined;
  let endUs = 0;
  for await (const { tracks, frames, startUs, endUs: gopEndUs } of readFile(path, { signal })) {
    let utcOffsetUs = run?.utcOffsetUs ?? Math.round(startMs * 1000) - startUs;
    // A clock that goes back was started again: the media continues.
    if (run && startUs < endUs - STEP_US) utcOffsetUs += endUs - startUs;
    const isNew =
      !run || utcOffsetUs !== run.utcOffsetUs || startUs > endUs + STEP_US || !sameTracks(run.tracks, tracks);
    if (!run || isNew) run = { tracks, utcOffsetUs };
    endUs = gopEndUs;
    if ((utcOffsetUs + startUs) / 1000 >= toMs) return;
    if ((utcOffsetUs + gopEndUs) / 1000 > fromMs) yield { run, frames };
  }
}

/** Stretches of a file that overlap. */
async function* readWindows(path: string, { signal }: { signal: AbortSignal }) {
  let gops: Gop[] = [];
  let bytes = 0;
  const windowOf = () => ({
    tracks: gops[0]!.tracks,
    frames: gops.flatMap(({ frames }): readonly Frame[] => frames),
    startUs: gops[0]!.startUs,
  });
  for await (const gop of readFile(path, { signal })) {
    const last = gops.at(-1);
    if (last && (!sameTracks(last.tracks, gop.tracks) || Math.abs(gop.startUs - last.endUs) > STEP_US)) {
      yield windowOf();
      gops = [];
      bytes = 0;
    }
    gops.push(gop);
    bytes += bytesOf(gop);
    if (gop.endUs - gops[0]!.startUs < WINDOW_US && bytes < MAX_WINDOW_BYTES) continue;
    yield windowOf();
    gops = bytes < MAX_WINDOW_BYTES ? gops.filter(({ startUs }) => startUs >= gop.endUs - OVERLAP_US) : [];
    bytes = gops.reduce((sum, each) => sum + bytesOf(each), 0);
  }
  if (gops.length > 0) yield windowOf();
}

function bytesOf({ frames }: Gop): number {
  return frames.reduce((sum, { data }) => sum + data.length, 0);
}

async function* readFile(path: string, { signal }: { signal: AbortSignal }): AsyncGenerator<Gop, void> {
  await using file = await openLocalFile(path);
  let tracks: readonly Track[] | undefined;
  for await (const gop of readGops(file, { leftOut: [], skipped: 0 }, { signal })) {
    // One list for all GOPs of a run.
    if (!tracks || !sameTracks(tracks, gop.tracks)) ({ tracks } = gop);
    yield { ...gop, tracks };
  }
}
