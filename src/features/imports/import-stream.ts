/**
 * Imports the files of one camera into the past of a stream: neighbours whose media continues become one run;
 * elsewhere the time between them is offline, or a gap where a file was damaged. docs/decisions/0072.
 * In: files, oldest first. Out: chunk files and rows; what became of each file.
 */

import { FormatError } from '@oxbow/media/errors';
import type { Track } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { distinctLeftOut } from '@oxbow/media/left-out';
import type { StreamGap } from '@oxbow/media/segment';
import { type Gop, type GopNotes, readGops } from '../../ingest/file/gops.ts';
import { openLocalFile } from '../../ingest/file/local-file.ts';
import { sameTracks } from '../../ingest/same-tracks.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { HOLE_US } from '../../live/continuity.ts';
import { type StretchDeps, StretchWriter } from '../../recording/stretch/stretch-writer.ts';
import { leastMsnAt } from '../../store/msn-marks.ts';
import type { FoundFile, SkippedFile } from './found-files.ts';
import type { Ledger, LedgerEntry } from './ledger.ts';
import type { PastPlaces, RecordedStretch } from './past-places.ts';

/** Rounding of times. */
const SAME_US = 1_000;
/** This many neighbours are looked at for the earliest time of arrival. */
const NEIGHBOURS = 16;
/** Segment numbers that the cutter may be ahead of its input: two GOPs of 20 s. */
const AHEAD_MSNS = 64;
/** Longest hole within which the time of a damaged file is a gap; beyond it nothing was recorded. µs */
const MAX_DAMAGE_US = 600_000_000;

/** Why there is nothing between two files. */
const NO_FILE: Pick<StreamGap, 'cause' | 'detail'> = { cause: 'offline', detail: 'not in the imported files' };

/** The files to import, and the place. */
interface StreamImport extends StretchDeps {
  readonly files: readonly FoundFile[];
  readonly ledger: Ledger;
  readonly places: PastPlaces;
  /** Media must begin at or after this, µs since 1970: retention deletes older media. */
  readonly floorUs: number;
  /** And end before this: from here on the stream has a past. */
  readonly limitUs: number;
  /** Smallest step of the names, µs. */
  readonly stepUs: number;
  /** See Layout. */
  readonly looseUs: number;
  readonly byArrival: boolean;
  /** Discontinuities of the stream up to a segment. */
  readonly discontinuitiesAt: (msn: number) => Promise<number>;
  /** Called after each GOP with the bytes of the files before and of this one. */
  readonly progress: (file: FoundFile) => void;
}

/** The result for one stream. */
export interface StreamImported {
  /** Files of which media was written. */
  files: number;
  bytes: number;
  /** Files that were imported before. */
  before: number;
  /** Media that was written, seconds. */
  seconds: number;
  /** Stretches without a hole. */
  stretches: number;
  skipped: SkippedFile[];
  /** Files of which a part is missing. */
  damaged: SkippedFile[];
  leftOut: readonly LeftOutTrack[];
}

/** The end of the newest file, from which the next may continue. */
interface Context {
  /** Where its clock has 0, µs since 1970. */
  readonly offsetUs: number;
  /** End of its media on its clock, µs. */
  readonly endUs: number;
  /** Undefined after a restart. */
  readonly tracks: readonly Track[] | undefined;
  readonly lastDts: number | undefined;
}

/**
 * Imports files until the signal fires. Media read up to then is complete on the disk when this rejects.
 *
 * @throws OxbowError `disk-failed`; the signal's reason
 */
export async function importStream(
  request: StreamImport,
  { signal }: { signal: AbortSignal },
): Promise<StreamImported> {
  const importer = new Importer(request, signal);
  try {
    for (const [i, file] of request.files.entries()) {
      signal.throwIfAborted();
      await importer.take(file, request.files.slice(i + 1, i + NEIGHBOURS));
    }
    return importer.result;
  } finally {
    await importer.close();
  }
}

class Importer {
  readonly #request: StreamImport;
  readonly #signal: AbortSignal;
  readonly result: StreamImported = {
    files: 0,
    bytes: 0,
    before: 0,
    seconds: 0,
    stretches: 0,
    skipped: [],
    damaged: [],
    leftOut: [],
  };
  #context: Context | undefined;
  #writer: StretchWriter | undefined;
  /** Where the open stretch must end: times and numbers of the next one. */
  #limitUs = Number.POSITIVE_INFINITY;
  #limitMsn = Number.POSITIVE_INFINITY;
  /** Why the next stretch does not join the one before. */
  #gap = NO_FILE;
  /** Files that were read but are not on the disk yet. */
  #waiting: (LedgerEntry & { readonly untilUs: number })[] = [];

  constructor(request: StreamImport, signal: AbortSignal) {
    this.#request = request;
    this.#signal = signal;
  }

  /** Imports a file. @param next files after it */
  async take(file: FoundFile, next: readonly FoundFile[]): Promise<void> {
    const { ledger, floorUs, limitUs } = this.#request;
    const { name, startUs } = file;
    const entry = ledger.find(name);
    if (entry && ledger.isDone(file)) {
      this.result.before++;
      await this.#endStretch();
      this.#context = { offsetUs: entry.offsetUs, endUs: entry.endUs!, tracks: undefined, lastDts: undefined };
      return;
    }
    const refusal =
      startUs < floorUs
        ? 'retention would delete it at once: it is older than its stream keeps'
        : startUs >= limitUs
          ? 'the stream has its own past there'
          : leastMsnAt(startUs / 1000) < 1
            ? 'it is older than 2020'
            : undefined;
    if (refusal) {
      this.result.skipped.push({ name, reason: refusal });
      return;
    }
    await this.#read(file, next);
    this.#request.progress(file);
  }

  async #read(file: FoundFile, next: readonly FoundFile[]): Promise<void> {
    const { result } = this;
    const { name } = file;
    const notes: GopNotes = { leftOut: [], skipped: 0 };
    const secondsBefore = result.seconds;
    let placed: Place | undefined;
    let problem: string | undefined;
    let isOver = false;
    try {
      await using bytes = await openLocalFile(file.path);
      for await (const gop of readGops(bytes, notes, { signal: this.#signal })) {
        if (!placed) {
          const place = await this.#place(file, gop, next);
          if (typeof place === 'string') {
            result.skipped.push({ name, reason: place });
            return;
          }
          placed = place;
        }
        isOver = !(await this.#write(gop, placed));
        if (isOver) break;
      }
    } catch (error) {
      problem = problemOf(error);
    }
    if (!placed) problem ??= 'it has no media';
    if (placed && problem === undefined) await this.#remember(file, placed);
    if (problem !== undefined) {
      // For the ledger the file is not complete: the next import reads it again. It may still be being
      // written.
      await this.#endStretch();
      this.#context = undefined;
      this.#gap = { cause: 'bad-media', detail: `${name}: ${problem}`.slice(0, 200) };
      (result.seconds > secondsBefore ? result.damaged : result.skipped).push({ name, reason: problem });
    } else if (isOver) {
      await this.#endStretch();
      this.#context = undefined;
      result.damaged.push({ name, reason: 'its end is in a time that the stream has already' });
    } else if (notes.skipped > 0) {
      result.damaged.push({ name, reason: `${notes.skipped} pictures before its first key frame were left out` });
    }
    if (result.seconds > secondsBefore) {
      result.files++;
      result.bytes += file.size;
    }
    if (notes.leftOut.length > 0) result.leftOut = distinctLeftOut([...result.leftOut, ...notes.leftOut]);
  }

  /** Where the first GOP of a file belongs, or why it does not belong anywhere. */
  async #place(file: FoundFile, gop: Gop, next: readonly FoundFile[]): Promise<Place | string> {
    const { ledger, places, stepUs, looseUs } = this.#request;
    const entry = ledger.find(file.name);
    const nearUs = HOLE_US + stepUs;
    const context = this.#context;
    let offsetUs: number | undefined;
    let joins = false;
    if (context) {
      const endUs = context.offsetUs + context.endUs;
      const aheadUs = file.startUs - endUs;
      const isSame = context.tracks === undefined || sameTracks(context.tracks, gop.tracks);
      const isInOrder = context.lastDts === undefined || gop.firstDts > context.lastDts;
      if (isSame && isInOrder && Math.abs(gop.startUs - context.endUs) <= HOLE_US && Math.abs(aheadUs) <= looseUs) {
        offsetUs = context.offsetUs;
        joins = true;
      } else if (Math.abs(aheadUs) <= nearUs) {
        offsetUs = endUs - gop.startUs;
        joins = true;
      }
    }
    if (entry) offsetUs = joins ? (offsetUs ?? entry.offsetUs) : entry.offsetUs;
    if (offsetUs === undefined) {
      const before = places.around(file.startUs).before;
      if (before && file.startUs < before.toUs - nearUs) return 'the stream has media of that time already';
      offsetUs = (await this.#anchor(file, gop, next)) - gop.startUs;
      // Names are a little early or late: media is never laid over other media.
      if (before) {
        const nearEnd = Math.abs(file.startUs - before.toUs) <= nearUs;
        if (nearEnd || offsetUs + gop.startUs < before.toUs) offsetUs = before.toUs - gop.startUs;
      }
    }
    if (!joins) await this.#endStretch();
    if (!entry || entry.offsetUs !== offsetUs) await ledger.write({ name: file.name, size: file.size, offsetUs });
    return { offsetUs, isResumed: entry !== undefined, reached: undefined };
  }

  /** When a file begins, µs since 1970: its name, or the earliest that the names of its neighbours say. */
  async #anchor(file: FoundFile, gop: Gop, next: readonly FoundFile[]): Promise<number> {
    const { byArrival, looseUs } = this.#request;
    let earliestUs = file.startUs;
    if (!byArrival) return earliestUs;
    let newestUs = gop.startUs;
    for (const other of next) {
      const first = await firstGop(other, this.#signal);
      if (!first) break;
      const mediaUs = first.startUs - gop.startUs;
      const isNear = Math.abs(mediaUs - (other.startUs - file.startUs)) <= looseUs;
      if (!isNear || first.startUs <= newestUs) break;
      newestUs = first.startUs;
      earliestUs = Math.min(earliestUs, other.startUs - mediaUs);
    }
    return earliestUs;
  }

  /** Writes a GOP unless the stream has it; false where the time after it is taken. */
  async #write(gop: Gop, placed: Place): Promise<boolean> {
    const { offsetUs } = placed;
    const startUs = offsetUs + gop.startUs;
    const endUs = offsetUs + gop.endUs;
    placed.reached = gop;
    if (placed.isResumed && !this.#writer) {
      const { before } = this.#request.places.around(startUs);
      if (before && startUs < before.toUs - SAME_US) return true;
    }
    if (this.#writer && !sameTracks(this.#writer.place.tracks, gop.tracks)) await this.#endStretch();
    const writer = this.#writer ?? (await this.#begin(gop, offsetUs));
    if (!writer) return true;
    if (endUs > this.#limitUs + SAME_US || writer.lastMsn + AHEAD_MSNS >= this.#limitMsn) return false;
    await writer.write(gop, offsetUs, { signal: this.#signal });
    this.result.seconds += (gop.endUs - gop.startUs) / 1_000_000;
    return true;
  }

  /** Begins a stretch; undefined where media cannot begin with a GOP. */
  async #begin(gop: Gop, offsetUs: number): Promise<StretchWriter | undefined> {
    if (!gop.key) return undefined;
    const { places, limitUs } = this.#request;
    const startUs = offsetUs + gop.startUs;
    const { before, after } = places.around(startUs);
    this.#limitUs = Math.min(limitUs, after?.fromUs ?? limitUs);
    this.#limitMsn = Math.min(after?.firstMsn ?? Number.POSITIVE_INFINITY, Math.max(leastMsnAt(limitUs / 1000), 1));
    const firstMsn = Math.max(leastMsnAt(startUs / 1000), (before?.lastMsn ?? 0) + 1);
    const previous = before && {
      endUs: before.toUs,
      msn: before.lastMsn,
      discontinuitySequence: await this.#request.discontinuitiesAt(before.lastMsn),
    };
    const isDamage = this.#gap.cause !== 'bad-media' || (before && startUs - before.toUs <= MAX_DAMAGE_US);
    const gap = isDamage ? this.#gap : NO_FILE;
    this.#gap = NO_FILE;
    const place = { tracks: gop.tracks, offsetUs, startUs, previous, gap, firstMsn };
    this.#writer = new StretchWriter(this.#request, place);
    const joins = before && startUs - before.toUs < HOLE_US;
    if (!joins) this.result.stretches++;
    return this.#writer;
  }

  /** A file was read: the next may continue it; the ledger has it when its media is on the disk. */
  async #remember({ name, size }: FoundFile, { offsetUs, reached }: Place): Promise<void> {
    if (!reached) return;
    const { tracks, endUs, lastDts } = reached;
    this.#context = { offsetUs, endUs, tracks, lastDts };
    this.#waiting.push({ name, size, offsetUs, endUs, untilUs: offsetUs + endUs });
    const committedUs = this.#writer ? this.#writer.committedUs : Number.POSITIVE_INFINITY;
    while (this.#waiting[0] && this.#waiting[0].untilUs <= committedUs + SAME_US) {
      const { untilUs: _, ...entry } = this.#waiting.shift()!;
      await this.#request.ledger.write(entry);
    }
  }

  /** Ends the open stretch: all of it is on the disk. */
  async #endStretch(): Promise<void> {
    const writer = this.#writer;
    if (writer) {
      this.#writer = undefined;
      await this.#finish(writer);
    }
    for (const { untilUs: _, ...entry } of this.#waiting.splice(0)) await this.#request.ledger.write(entry);
  }

  async #finish(writer: StretchWriter): Promise<void> {
    const { places } = this.#request;
    await writer[Symbol.asyncDispose]();
    const { startUs, firstMsn } = writer.place;
    const { committedUs, lastMsn } = writer;
    const stretch: RecordedStretch = { fromUs: startUs, toUs: committedUs, firstMsn, lastMsn };
    if (committedUs > 0) places.add(stretch);
    // After a failure the files that wait are not complete.
    await writer.close().catch((error: unknown) => {
      this.#waiting = [];
      throw error;
    });
  }

  /** Ends the open stretch after the last file, or after a failure. */
  async close(): Promise<void> {
    await this.#endStretch();
  }
}

/** The place of a file. */
interface Place {
  /** Where its clock has 0, µs since 1970. */
  readonly offsetUs: number;
  /** An import has begun it before: media that the stream has is left out. */
  readonly isResumed: boolean;
  /** Its newest GOP. */
  reached: Gop | undefined;
}

/** Why a file could not be read to its end. @throws other errors */
function problemOf(error: unknown): string {
  const isFileProblem =
    error instanceof FormatError ||
    (error instanceof OxbowError && error.code === 'unsupported-media') ||
    (error as NodeJS.ErrnoException).syscall !== undefined;
  if (!isFileProblem) throw error;
  return messageOf(error);
}

/** The first GOP of a file; undefined if it cannot be read. */
async function firstGop({ path }: FoundFile, signal: AbortSignal): Promise<Gop | undefined> {
  try {
    await using file = await openLocalFile(path);
    for await (const gop of readGops(file, { leftOut: [], skipped: 0 }, { signal })) return gop;
  } catch (error) {
    problemOf(error); // it is reported when its turn comes
  }
  return undefined;
}
