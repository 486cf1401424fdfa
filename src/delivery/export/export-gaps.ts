/**
 * What an exported file lacks of its ranges, and where it continues without it.
 * In: an export, the timeline of its stream. Out: gaps with causes, as the API shows them.
 */
import { printRfc3339 } from '../../api/instant.ts';
import type { ExportResult } from '../../api/jobs/job-shapes.ts';
import { HOLE_US } from '../../live/continuity.ts';
import { readTimeline } from '../../recording/timeline.ts';
import type { Exported, ExportRequest, ExportSource } from './export.ts';
import type { ExportedPart } from './export-sections.ts';

type ExportGaps = ExportResult['gaps'];

/** Media that is missing within the ranges; media between them was not requested. */
export async function gapsOfExport(
  { stream, chunks, end }: ExportSource,
  { ranges }: ExportRequest,
  { parts, seconds }: Exported,
): Promise<ExportGaps> {
  const gaps: ExportGaps = [];
  for (const [i, range] of ranges.entries()) {
    const { pieces } = await readTimeline(stream.recording, chunks, end, range.fromUs, range.toUs);
    const endS = parts[i + 1]?.[0]?.atS ?? seconds;
    for (const { fromUs, toUs, kind, detail } of pieces) {
      if (kind === 'media') continue;
      const next = parts[i]?.find((part) => part.toUs > toUs);
      const [from, to] = [printRfc3339(fromUs / 1000), printRfc3339(toUs / 1000)];
      gaps.push({ at: rounded(next?.atS ?? endS), from, to, cause: kind, detail });
    }
    gaps.push(...damageOf(parts[i] ?? [], pieces));
  }
  return gaps;
}

/**
 * Media of the timeline that the file lacks: it was found to be damaged while the file was written.
 */
function damageOf(
  parts: readonly ExportedPart[],
  pieces: readonly { readonly fromUs: number; readonly toUs: number; readonly kind: string }[],
): ExportGaps {
  return parts.slice(1).flatMap(({ fromUs, atS }, i) => {
    const { toUs } = parts[i]!;
    const isListed = pieces.some((piece) => piece.kind !== 'media' && piece.fromUs < fromUs && piece.toUs > toUs);
    if (fromUs - toUs < HOLE_US || isListed) return [];
    const [from, to] = [printRfc3339(toUs / 1000), printRfc3339(fromUs / 1000)];
    return [{ at: rounded(atS), from, to, cause: 'damaged' as const, detail: 'the file is damaged' }];
  });
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1e5) / 1e5;
}
