/**
 * Fills gaps of a recording from a file, such as one of a camera's memory card.
 * In: a file, when it begins as far as that is known, the gaps of a stream. Out: what was filled, and why the
 * rest was not.
 */

import type { HealedFileView } from '../../../api/healing/healed-file.ts';
import { printRfc3339 } from '../../../api/instant.ts';
import type { TimeZone } from '../../../api/local-time.ts';
import type { MeasureLevels } from '../../../ffmpeg/engine.ts';
import { readCreationUs } from '../../../ingest/file/local-file.ts';
import type { HealingSource } from '../source.ts';
import { instantsOfName } from './file-clock.ts';
import { type FileSource, MAX_SHIFT_MS, openFileSource, readLengthMs } from './file-source.ts';

/** A file without a clock, or whose clock is wrong, is compared with this many gaps, the newest first. */
const MOST_COMPARED = 50;

/** Names of files begin with it; those of other sources are hosts and have no space. */
const FILE = 'file';

/** A file on this computer. */
export interface MediaFile {
  readonly path: string;
  /** As its owner named it. */
  readonly name: string;
  /** When it begins, ms since 1970; undefined: its name, its header or its media says it. */
  readonly atMs: number | undefined;
  /** Of its name. */
  readonly zone: TimeZone;
}

/** A gap, µs since 1970. */
export interface FileGap {
  readonly fromUs: number;
  readonly toUs: number;
}

/** What fills gaps. */
interface HealFileDeps {
  readonly measureLevels: MeasureLevels;
  /** All gaps of the stream that can be filled, oldest first. */
  readonly missing: () => Promise<readonly FileGap[]>;
  readonly heal: (
    gap: FileGap,
    source: HealingSource,
    options: { readonly signal: AbortSignal },
  ) => Promise<{ readonly healedUs: number; readonly missingUs: number; readonly reason: string }>;
}

type Clock = NonNullable<HealedFileView['clock']>;

/**
 * Fills the gaps that a file covers.
 *
 * @throws FormatError if it is damaged or no MP4 or MPEG-TS file; OxbowError `unsupported-media`,
 *   `disk-failed`; the signal's reason when aborted
 */
export async function healFromFile(
  { measureLevels, missing, heal }: HealFileDeps,
  file: MediaFile,
  { signal }: { readonly signal: AbortSignal },
): Promise<HealedFileView> {
  const lengthMs = await readLengthMs(file.path, { signal });
  const { startMs, clock } = await clockOf(file);
  const isTrusted = clock === 'given' || clock === 'name';
  const name = nameOf(file.name);
  const source = openFileSource({ name, path: file.path, startMs, isTrusted, measureLevels });
  const gaps = await missing();
  const tried = new Map<FileGap, Awaited<ReturnType<HealFileDeps['heal']>>>();
  const tryAll = async (some: readonly FileGap[]) => {
    for (const gap of some) {
      signal.throwIfAborted();
      if (!tried.has(gap) && covers(source, lengthMs, gap)) tried.set(gap, await heal(gap, source, { signal }));
    }
  };
  const hasHealed = () => source.isPlaced || [...tried.values()].some(({ healedUs }) => healedUs > 0);
  if (startMs !== undefined) await tryAll(gaps);
  if (!hasHealed() && clock !== 'given') {
    const free = openFileSource({ name, path: file.path, startMs: undefined, isTrusted: false, measureLevels });
    for (const gap of gaps.toReversed().slice(0, MOST_COMPARED)) {
      if (!covers(free, lengthMs, gap)) continue;
      const attempt = await heal(gap, free, { signal });
      if (!tried.has(gap) || attempt.healedUs > 0) tried.set(gap, attempt);
    }
    if (free.isPlaced) return viewOf(free, 'media', lengthMs, tried);
  }
  const isMoved = source.isPlaced && Math.abs((source.startMs ?? 0) - (startMs ?? 0)) > MAX_SHIFT_MS;
  return viewOf(source, isMoved || startMs === undefined ? (source.isPlaced ? 'media' : null) : clock, lengthMs, tried);
}

/** Whether the file may have media of a gap; one without a clock may have any. */
function covers({ startMs, isPlaced }: FileSource, lengthMs: number, { fromUs, toUs }: FileGap): boolean {
  if (startMs === undefined) return true;
  const shiftMs = isPlaced ? 0 : MAX_SHIFT_MS;
  return fromUs / 1000 < startMs + lengthMs + shiftMs && toUs / 1000 > startMs - shiftMs;
}

async function clockOf({ path, name, atMs, zone }: MediaFile): Promise<{ startMs?: number; clock: Clock | null }> {
  if (atMs !== undefined) return { startMs: atMs, clock: 'given' };
  const [named] = instantsOfName(name, zone);
  if (named !== undefined) return { startMs: named, clock: 'name' };
  const createdUs = await readCreationUs(path);
  return createdUs === undefined ? { clock: null } : { startMs: createdUs / 1000, clock: 'header' };
}

/** For viewers, who see where media is from. */
function nameOf(name: string): string {
  const last = name.split(/[\\/]/).at(-1) ?? '';
  return `${FILE} ${last.replaceAll(/[^\x20-\x7e]/g, '?')}`.slice(0, 64).trim();
}

/** The name of a source as the label of a metric: one for all files, because series are never removed. */
export function labelOf(sourceName: string): string {
  return sourceName.startsWith(`${FILE} `) ? FILE : sourceName;
}

function viewOf(
  { startMs }: FileSource,
  clock: Clock | null,
  lengthMs: number,
  tried: ReadonlyMap<FileGap, { readonly healedUs: number; readonly missingUs: number; readonly reason: string }>,
): HealedFileView {
  const ordered = [...tried].sort(([a], [b]) => a.fromUs - b.fromUs);
  return {
    start: startMs === undefined || clock === null ? null : printRfc3339(startMs),
    clock,
    seconds: lengthMs / 1000,
    gaps: ordered.map(([{ fromUs, toUs }, { healedUs, missingUs, reason }]) => ({
      from: printRfc3339(fromUs / 1000),
      to: printRfc3339(toUs / 1000),
      healed: healedUs / 1e6,
      missing: missingUs / 1e6,
      reason,
    })),
  };
}
