/**
 * Writes the archive of a case: media of each range, proofs, the document, sums, and a page that plays it
 * without a server.
 * In: a case, recordings. Out: the bytes of a ZIP file in order, in bounded memory.
 */
import { FormatError } from '@oxbow/media/errors';
import { printRfc3339 } from '../../../api/instant.ts';
import type { RangeReader } from '../../../archive/range-reader.ts';
import { isMissing } from '../../../archive/segment-store.ts';
import { type ExportRequest, type ExportSource, estimateExport, writeExport } from '../../../delivery/export/export.ts';
import type { ExportProof } from '../../../delivery/export/export-evidence.ts';
import { gapsOfExport } from '../../../delivery/export/export-gaps.ts';
import { ZipWriter } from '../../../delivery/export/zip-writer.ts';
import { recode } from '../../../ffmpeg/recode.ts';
import { OxbowError, sentenceOf } from '../../../lib/errors.ts';
import type { MarkerTable } from '../../../recording/marker-table.ts';
import type { Case, HeldRange } from '../case-table.ts';
import { createDocument, printSums, type RangeMedia, type WrittenRange } from './case-document.ts';
import { printPlayerPage } from './player-page.ts';

/** Most markers of a stream for one range. */
const MAX_MARKERS = 1000;
/** Size of a file relative to its media. */
const OVERHEAD = 1.1;

/** Dependencies of an archive. */
export interface ArchiveTools {
  /** A stream that may be removed, or belong to another node. */
  readonly sourceOf: (range: HeldRange) => Promise<ExportSource>;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly markers: Pick<MarkerTable, 'between'>;
  /** Adds the evidence of the recording to the media; undefined: it has none. */
  readonly evidence: ExportProof | undefined;
  /** Writes bytes; calls are in order and one at a time. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Called with the progress, 0 to 1. */
  readonly progress: (share: number) => void;
  readonly signal: AbortSignal;
}

/** Who exports, and when. */
export interface ArchiveFacts {
  /** As in the audit log. */
  readonly by: string;
  /** Ms since 1970. */
  readonly nowMs: number;
}

/** A range that can be written, or the reason why not. */
export interface PlannedRange {
  readonly range: HeldRange;
  readonly source: ExportSource | undefined;
  /** Expected bytes of its file. */
  readonly bytes: number;
  readonly problem: WrittenRange['problem'];
}

/** Name of the archive without its ending, which is also the folder in it. */
export function archiveName({ title, id }: Pick<Case, 'title' | 'id'>, nowMs: number): string {
  const words = title
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .toLowerCase();
  const day = printRfc3339(nowMs).slice(0, 10);
  return `case-${words.slice(0, 40) || id}-${day}`;
}

/** Finds the media of the ranges. */
export async function planArchive(
  ranges: readonly HeldRange[],
  { sourceOf }: Pick<ArchiveTools, 'sourceOf'>,
): Promise<readonly PlannedRange[]> {
  const planned: PlannedRange[] = [];
  for (const range of ranges) {
    try {
      const source = await sourceOf(range);
      const bytes = OVERHEAD * (await estimateExport(source.stream, { ranges: [range] }));
      planned.push({ range, source, bytes, problem: undefined });
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      planned.push({ range, source: undefined, bytes: 0, problem: problemOf(error) });
    }
  }
  return planned;
}

/**
 * Writes the archive. Abort stops it and leaves it incomplete.
 *
 * @returns the ranges as they were written
 * @throws OxbowError what reading and `write` throw; a range whose media cannot be one file is listed as
 *   missing
 */
export async function writeArchive(
  found: Case,
  planned: readonly PlannedRange[],
  { by, nowMs, ...tools }: ArchiveTools & ArchiveFacts,
): Promise<{ readonly written: readonly WrittenRange[]; readonly files: number }> {
  const { progress, signal } = tools;
  const zip = new ZipWriter(tools.write, { nowMs });
  const folder = `${archiveName(found, nowMs)}/`;
  const total = Math.max(
    1,
    planned.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const written: WrittenRange[] = [];
  let done = 0;
  for (const [i, plan] of planned.entries()) {
    signal.throwIfAborted();
    const at = done;
    const report = (share: number) => progress((at + share * plan.bytes) / total);
    written.push(await writeRange(plan, { ...tools, zip, folder, number: i + 1, progress: report }));
    done += plan.bytes;
  }
  const document = createDocument(found, written, { by, nowMs });
  const json = JSON.stringify(document, null, 2);
  await zip.addBytes(`${folder}case.json`, Buffer.from(`${json}\n`));
  await zip.addBytes(`${folder}index.html`, Buffer.from(printPlayerPage(document)));
  await zip.addBytes(`${folder}SHA256SUMS`, Buffer.from(printSums(zip.files, folder)));
  await zip.finish();
  return { written, files: zip.files.length };
}

async function writeRange(
  { range, source, bytes, problem }: PlannedRange,
  tools: ArchiveTools & { readonly zip: ZipWriter; readonly folder: string; readonly number: number },
): Promise<WrittenRange> {
  const { number, markers, signal } = tools;
  const name = `${String(number).padStart(2, '0')}-${range.stream}`;
  const limits = { fromUs: range.fromUs, toUs: range.toUs, limit: MAX_MARKERS };
  const marked = (await markers.between(range.streamId, limits)).map(({ atUs, text }) => {
    return { at: printRfc3339(atUs / 1000), text };
  });
  if (!source) return { range, media: undefined, problem, markers: marked };
  const start = printRfc3339(range.fromUs / 1000).replaceAll(/[-:]|\.\d+/g, '');
  try {
    const media = await writeMedia(range, source, { ...tools, expected: bytes, name: `media/${name}-${start}.mp4` });
    return { range, media, problem: undefined, markers: marked };
  } catch (error) {
    const refusal = toRefusal(error);
    if (!refusal || signal.aborted) throw error;
    return { range, media: undefined, problem: problemOf(refusal), markers: marked };
  }
}

/** @throws OxbowError as writeExport, before the first byte; `disk-failed` and others after it */
async function writeMedia(
  range: HeldRange,
  source: ExportSource,
  tools: ArchiveTools & {
    readonly zip: ZipWriter;
    readonly folder: string;
    readonly name: string;
    readonly expected: number;
  },
): Promise<RangeMedia> {
  const { zip, folder, name, expected, reader, evidence, progress, signal } = tools;
  const request: ExportRequest = { ranges: [range], format: 'mp4', exact: false };
  let media: Pick<RangeMedia, 'seconds' | 'parts' | 'gaps'> | undefined;
  let isBegun = false;
  try {
    const { length, sha256 } = await zip.add({
      name: `${folder}${name}`,
      expected,
      async content(writeBytes) {
        const write = (bytes: Uint8Array) => {
          isBegun = true;
          return writeBytes(bytes);
        };
        const exported = await writeExport(source.stream, request, {
          reader,
          recode,
          write,
          progress,
          signal,
          evidence,
        });
        const gaps = await gapsOfExport(source, request, exported);
        const parts = exported.parts.flat().map(({ atS, fromUs, toUs }) => {
          return { at: rounded(atS), from: printRfc3339(fromUs / 1000), to: printRfc3339(toUs / 1000) };
        });
        media = { seconds: rounded(exported.seconds), parts, gaps };
      },
    });
    return { file: name, bytes: length, sha256, ...media! };
  } catch (error) {
    if (isBegun) throw new Unfinished(error);
    throw error;
  }
}

/** The archive has a part of a file: it cannot be continued. */
class Unfinished extends Error {
  constructor(cause: unknown) {
    super(sentenceOf(cause), { cause });
  }
}

/** The reason why a range has no media; undefined for errors that end the export. */
function toRefusal(error: unknown): OxbowError | undefined {
  if (error instanceof Unfinished) throw error.cause;
  if (isMissing(error)) return new OxbowError('gone', 'The recording was deleted while it was exported.');
  if (error instanceof FormatError)
    return new OxbowError('unsupported-media', `The recording cannot be read: ${error.message}.`);
  return error instanceof OxbowError ? error : undefined;
}

function problemOf({ code, message }: OxbowError): NonNullable<WrittenRange['problem']> {
  return { code, detail: message };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1e5) / 1e5;
}
