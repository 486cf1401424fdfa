/**
 * Writes an export as one file, which appears when it is complete.
 * In: a recording, a range, a target. Out: the file and the description of its contents.
 */
import { printRfc3339 } from '../../api/instant.ts';
import type { ExportResult } from '../../api/job-shapes.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { isMissing, type WriteContent } from '../../archive/segment-store.ts';
import { type Exportable, type Exported, type ExportRequest, writeExport } from '../../delivery/export/export.ts';
import { recode } from '../../ffmpeg/recode.ts';
import { FormatError, messageOf, OxbowError } from '../../lib/errors.ts';
import type { ChunkTable } from '../../recording/chunk-table.ts';
import { readTimeline, type TimelineEnd } from '../../recording/timeline.ts';

/** A stream whose recording can be exported, with its timeline. */
export interface ExportSource {
  readonly stream: Exportable;
  readonly table: Pick<ChunkTable, 'joinedSpansBetween' | 'firstSpanFrom'>;
  readonly end: TimelineEnd;
}

/** The target of an export. */
export interface ExportTarget {
  /** Stores the content as one complete file, or nothing: `put` of a store, or `putFile`. */
  readonly put: (content: WriteContent) => Promise<void>;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly progress?: (share: number) => void;
  readonly signal: AbortSignal;
}

/** File name with stream and start, e.g. `door-20261119T080000Z.mp4`. */
export function exportName(name: string, fromUs: number, format: string): string {
  return `${name}-${new Date(fromUs / 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '')}.${format}`;
}

/**
 * Writes the file. Abort leaves no file.
 *
 * @returns the result without `url`
 * @throws OxbowError as writeExport, `folder-unwritable` and `disk-failed`
 */
export async function exportToFile(
  source: ExportSource,
  request: ExportRequest,
  { put, reader, progress, signal }: ExportTarget,
): Promise<ExportResult> {
  let result: ExportResult | undefined;
  let isOpen = false;
  try {
    await put(async (writeBytes) => {
      isOpen = true;
      const write = (bytes: Uint8Array) =>
        writeBytes(bytes).catch((error: unknown) => {
          throw new OxbowError('disk-failed', messageOf(error), { cause: error });
        });
      const how = { reader, recode, write, signal, ...(progress && { progress }) };
      const exported = await writeExport(source.stream, request, how);
      const gaps = await gapsOf(source, request, exported);
      result = resultOf(source.stream.name, request, exported, gaps);
    });
  } catch (error) {
    if (!isOpen && !signal.aborted) throw new OxbowError('folder-unwritable', messageOf(error), { cause: error });
    throw toRefusal(error);
  }
  return result!;
}

/** The OxbowError for media that retention deleted meanwhile or that cannot be read. */
function toRefusal(error: unknown): unknown {
  if (isMissing(error)) {
    return new OxbowError('gone', 'The recording was deleted while it was exported.', { cause: error });
  }
  if (!(error instanceof FormatError)) return error;
  return new OxbowError('unsupported-media', `The recording cannot be read: ${error.message}.`, {
    cause: error,
  });
}

async function gapsOf(
  { stream, table, end }: ExportSource,
  { range }: ExportRequest,
  { parts, seconds }: Exported,
): Promise<ExportResult['gaps']> {
  const { pieces } = await readTimeline(stream.recording, table, end, range.fromUs, range.toUs);
  return pieces.flatMap(({ fromUs, toUs, kind, detail }) => {
    if (kind === 'media') return [];
    const next = parts.find((part) => part.toUs > toUs);
    const [from, to] = [printRfc3339(fromUs / 1000), printRfc3339(toUs / 1000)];
    return [{ at: rounded(next?.atS ?? seconds), from, to, cause: kind, detail }];
  });
}

function resultOf(
  name: string,
  { format }: ExportRequest,
  { seconds, bytes, parts, recoded }: Exported,
  gaps: ExportResult['gaps'],
): ExportResult {
  const [first, last] = [parts[0]!, parts.at(-1)!];
  return {
    url: null,
    filename: exportName(name, first.fromUs, format),
    from: printRfc3339(first.fromUs / 1000),
    to: printRfc3339(last.toUs / 1000),
    seconds: rounded(seconds),
    bytes,
    parts: parts.map(({ atS, fromUs, toUs }) => {
      return { at: rounded(atS), from: printRfc3339(fromUs / 1000), to: printRfc3339(toUs / 1000) };
    }),
    gaps,
    recoded,
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1e5) / 1e5;
}
