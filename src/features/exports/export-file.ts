/**
 * Writes an export as one file, which appears when it is complete.
 * In: a recording, ranges, a target. Out: the file and the description of its contents.
 */

import { FormatError } from '@oxbow/media/errors';
import { printRfc3339 } from '../../api/instant.ts';
import type { ExportResult, ExportSettings } from '../../api/jobs/job-shapes.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { isMissing, type SegmentStore, type WriteContent } from '../../archive/segment-store.ts';
import { parseRange } from '../../delivery/address-time.ts';
import { type Exported, type ExportRequest, type ExportSource, writeExport } from '../../delivery/export/export.ts';
import type { ExportProof } from '../../delivery/export/export-evidence.ts';
import { gapsOfExport } from '../../delivery/export/export-gaps.ts';
import type { Range } from '../../delivery/past/past.ts';
import type { LadderEffort } from '../../ffmpeg/ladder-options.ts';
import { recode } from '../../ffmpeg/recode.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import { writeEncodedExport } from './encoded/encoded-export.ts';
import type { ExportQuality } from './encoded/quality.ts';
import { FileDigest } from './file-digest.ts';

export interface ExportTarget {
  /** Stores the content as one complete file, or nothing: `put` of a store, or `putFile`. */
  readonly put: (content: WriteContent) => Promise<void>;
  readonly reader: Pick<RangeReader, 'read'>;
  /** Where encoded frames are stored until the file is written, below the name. */
  readonly spools: { readonly store: SegmentStore; readonly name: string };
  /** Of encoders; default `fast`. */
  readonly effort?: LadderEffort;
  readonly progress?: (share: number) => void;
  readonly signal: AbortSignal;
  /** Adds the evidence of the recording to MP4 and Matroska files; what others need is in the result. */
  readonly evidence?: ExportProof | undefined;
}

/** File name with stream and start, e.g. `door-20261119T080000Z.mp4`. */
export function exportName(name: string, fromUs: number, format: string): string {
  return `${name}-${new Date(fromUs / 1000).toISOString().replaceAll(/[-:]|\.\d+/g, '')}.${format}`;
}

/**
 * The ranges of a request.
 *
 * @throws OxbowError `bad-request` if it has neither one range nor several, `bad-time`
 */
export function rangesOf({ from, to, ranges }: Pick<ExportSettings, 'from' | 'to' | 'ranges'>): Range[] {
  const isOne = from !== undefined && to !== undefined && ranges === undefined;
  const isSeveral = from === undefined && to === undefined && ranges !== undefined;
  if (isOne) return [parseRange(from, to)];
  if (isSeveral) return ranges.map((range) => parseRange(range.from, range.to));
  throw new OxbowError('bad-request', 'Give either from and to, or ranges.');
}

/**
 * Writes the file. Abort leaves no file.
 *
 * @returns the result without `url`
 * @throws OxbowError as writeExport, `folder-unwritable` and `disk-failed`
 */
export async function exportToFile(
  source: ExportSource,
  request: ExportRequest & { readonly quality?: ExportQuality | undefined },
  { put, reader, spools, effort, progress, signal, evidence }: ExportTarget,
): Promise<ExportResult> {
  let result: ExportResult | undefined;
  let isOpen = false;
  try {
    await put(async (writeBytes) => {
      isOpen = true;
      const { quality } = request;
      // An MP4 has its evidence inside.
      const digest = evidence && (quality || request.format !== 'mp4') ? new FileDigest() : undefined;
      const write = (bytes: Uint8Array) => {
        digest?.add(bytes);
        return writeBytes(bytes).catch((error: unknown) => {
          throw new OxbowError('disk-failed', sentenceOf(error), { cause: error });
        });
      };
      const how = { reader, recode, write, signal, evidence, ...(progress && { progress }) };
      const exported = quality
        ? await writeEncodedExport(
            source.stream,
            { ...request, quality },
            { ...how, spools, ...(effort && { effort }) },
          )
        : await writeExport(source.stream, request, how);
      const gaps = await gapsOfExport(source, request, exported);
      const { recording, name } = source.stream;
      const proved = proofOf(exported, digest, recording.streamId);
      // Signs what waits: another node may answer for the evidence.
      if (proved.digest) await evidence!.bundle({ id: recording.streamId, name }, []);
      result = Object.assign(resultOf(source.stream.name, request, exported, gaps), proved);
    });
  } catch (error) {
    if (!isOpen && !signal.aborted) throw new OxbowError('folder-unwritable', sentenceOf(error), { cause: error });
    throw toRefusal(error);
  }
  return result!;
}

/** Where the evidence of a file is. */
function proofOf(
  { isProved }: Exported,
  digest: FileDigest | undefined,
  streamId: string,
): Pick<ExportResult, 'evidence' | 'digest' | 'streamId'> {
  if (isProved) return { evidence: 'inside' };
  return digest ? { evidence: 'apart', digest: digest.finish(), streamId } : { evidence: null };
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

function resultOf(
  name: string,
  { format }: ExportRequest,
  { seconds, bytes, parts: partsOfRanges, recoded }: Exported,
  gaps: ExportResult['gaps'],
): ExportResult {
  const parts = partsOfRanges.flat();
  return {
    url: null,
    filename: exportName(name, parts[0]!.fromUs, format),
    from: printRfc3339(Math.min(...parts.map(({ fromUs }) => fromUs)) / 1000),
    to: printRfc3339(Math.max(...parts.map(({ toUs }) => toUs)) / 1000),
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
