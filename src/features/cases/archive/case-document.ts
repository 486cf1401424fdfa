/**
 * The document `case.json` of an archive: the case, its ranges with their files, its notes, and the markers
 * of its streams. docs/5-record/cases.md describes it for other programs.
 * In: a case, the written media. Out: JSON; the sums of all files.
 */
import type { CaseNote } from '../../../api/cases/case-shapes.ts';
import { printRfc3339 } from '../../../api/instant.ts';
import type { ExportResult } from '../../../api/jobs/job-shapes.ts';
import type { ZippedFile } from '../../../delivery/export/zip-writer.ts';
import { version } from '../../../lib/version.ts';
import type { Case, HeldRange } from '../case-table.ts';
import { noteView } from '../cases-api.ts';

/** The media file of a range. */
export interface RangeMedia {
  /** Path in the archive. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
  /** Continuous parts: `at` is a position in the file in seconds, `from` and `to` are its times. */
  readonly parts: ExportResult['parts'];
  /** Missing media, with its cause. */
  readonly gaps: ExportResult['gaps'];
}

interface StreamMarker {
  readonly at: string;
  readonly text: string;
}

/** What was written of a range. */
export interface WrittenRange {
  readonly range: HeldRange;
  /** Undefined: it has no media, see `problem`. */
  readonly media: RangeMedia | undefined;
  readonly problem: { readonly code: string; readonly detail: string } | undefined;
  readonly markers: readonly StreamMarker[];
}

export interface DocumentRange {
  readonly id: string;
  readonly stream: string;
  readonly title: string;
  readonly from: string;
  readonly to: string;
  readonly addedBy: string;
  readonly addedAt: string;
  readonly media: RangeMedia | null;
  /** Why it has no media. */
  readonly problem: { readonly code: string; readonly detail: string } | null;
  readonly markers: readonly StreamMarker[];
}

/** The document. Times are RFC 3339 in UTC. */
export interface CaseDocument {
  readonly format: 'oxbow-case';
  /** Rises when a program that reads the document has to change. */
  readonly version: 1;
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly closedAt: string | null;
  readonly exportedBy: string;
  readonly exportedAt: string;
  /** Version of the server. */
  readonly oxbow: string;
  readonly ranges: readonly DocumentRange[];
  readonly notes: readonly CaseNote[];
}

/** Makes the document. @param nowMs ms since 1970 */
export function createDocument(
  found: Case,
  written: readonly WrittenRange[],
  { by, nowMs }: { readonly by: string; readonly nowMs: number },
): CaseDocument {
  return {
    format: 'oxbow-case',
    version: 1,
    id: found.id,
    title: found.title,
    description: found.description,
    createdBy: found.author,
    createdAt: timeOf(found.createdUs),
    closedAt: found.closedUs === undefined ? null : timeOf(found.closedUs),
    exportedBy: by,
    exportedAt: printRfc3339(nowMs),
    oxbow: version,
    ranges: written.map(rangeOf),
    notes: found.notes.map(noteView),
  };
}

/**
 * The sums of files in the form of `sha256sum`, which can check it. Paths are relative to the file of sums.
 */
export function printSums(files: readonly ZippedFile[], folder: string): string {
  return files.map(({ name, sha256 }) => `${sha256}  ${name.slice(folder.length)}\n`).join('');
}

function rangeOf({ range, media, problem, markers }: WrittenRange): DocumentRange {
  const { id, stream, title, fromUs, toUs, author, addedUs } = range;
  return {
    id,
    stream,
    title,
    from: timeOf(fromUs),
    to: timeOf(toUs),
    addedBy: author,
    addedAt: timeOf(addedUs),
    media: media ?? null,
    problem: problem ?? null,
    markers,
  };
}

const timeOf = (us: number): string => printRfc3339(us / 1000);
