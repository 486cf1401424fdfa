/**
 * The evidence of an exported file that has no place for it, or no samples of the recording: which records
 * of the chain it was made of, and the digest of the file, signed by the server.
 * In: the result of an export, the chain of its stream. Out: the text of the file next to it.
 * docs/5-record/evidence.md, "Sidecar".
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type EvidenceBlock, type EvidenceSegment, FILE_CONTEXT } from '@oxbow/media/evidence/block';
import { type EvidenceRange, printBundle } from '@oxbow/media/evidence/bundle';
import { printEvidenceText } from '@oxbow/media/evidence/evidence-box';
import type { ExportResult } from '../../api/jobs/job-shapes.ts';
import type { ExportProof, ProvedStream } from '../../delivery/export/export-evidence.ts';
import { OxbowError } from '../../lib/errors.ts';
import { sealDigest } from '../../recording/evidence/file-seal.ts';

/** A segment of which a file has less is not in it: sound reaches into the next one, µs. */
const LEAST_US = 50_000;
/** Blocks that are read before other work gets its turn. */
const PER_TURN = 200;
/** Times are rounded by less, µs. */
const ROUNDED_US = 1000;

/** Times, µs since 1970. */
interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * Makes the evidence.
 *
 * @param isOneRange the file was made of one range, so that nothing between its parts is left out
 * @throws OxbowError `no-evidence` if the chain does not have the media, or the file has its evidence inside
 */
export async function printSidecar(
  proof: ExportProof,
  stream: Pick<ProvedStream, 'id' | 'name'>,
  { parts, digest, bytes, filename, evidence }: ExportResult,
  isOneRange: boolean,
): Promise<Uint8Array> {
  if (evidence === 'inside') throw new OxbowError('no-evidence', `${filename} has its evidence inside.`);
  if (!digest) throw new OxbowError('no-evidence', `${filename} was exported without evidence.`);
  const spans = parts.map(({ from, to }) => ({ fromUs: Date.parse(from) * 1000, toUs: Date.parse(to) * 1000 }));
  const whole = { fromUs: spans[0]!.fromUs, toUs: spans.at(-1)!.toUs };
  const bundle = await proof.bundle(stream, isOneRange ? [whole] : spans);
  if (!bundle) throw new OxbowError('no-evidence', `The chain of ${stream.name} has nothing of ${filename}.`);
  const byBlock: (readonly EvidenceSegment[])[] = [];
  for (const [i, { text }] of bundle.blocks.entries()) {
    if (i % PER_TURN === PER_TURN - 1) await nextTurn();
    byBlock.push((JSON.parse(text) as EvidenceBlock).segments);
  }
  const records = byBlock.flat().sort((a, b) => a.from - b.from || a.msn - b.msn);
  const rangeOf = (of: readonly Span[]): EvidenceRange => {
    const covered = recordsIn(records, of);
    const last = covered.at(-1);
    const { fromUs } = of[0]!;
    const endUs = last ? last.from + last.duration : 0;
    // Sound reaches into the next segment; a longer end is of no record.
    const isLonger = of.at(-1)!.toUs - endUs > 2 * LEAST_US;
    const toUs = (isLonger ? of.at(-1)!.toUs : Math.min(of.at(-1)!.toUs, endUs)) - ROUNDED_US;
    const entries = [{ covers: covered.map(({ msn }) => msn), pieces: [] }];
    return { from: Math.round(fromUs), to: Math.round(toUs), exact: 1, entries };
  };
  const ranges = isOneRange ? [rangeOf(spans)] : spans.map((span) => rangeOf([span]));
  const used = new Set(ranges.flatMap(({ entries }) => entries.flatMap(({ covers = [] }) => covers)));
  // Media that was found after the export is in blocks of which the file has nothing.
  const isLater = (segments: readonly EvidenceSegment[]) =>
    segments.some(({ healed }) => healed) && !segments.some(({ msn }) => used.has(msn));
  const blocks = bundle.blocks.filter((_, i) => !isLater(byBlock[i]!));
  const text = Buffer.from(printBundle({ ...bundle, blocks, ranges, configs: [] }));
  const seal = sealDigest(proof, text, { digest, bytes, context: FILE_CONTEXT });
  return printEvidenceText(JSON.stringify(seal), text);
}

/**
 * The records of which a file has enough.
 *
 * @param records by start
 * @param spans parts of the file, in order
 */
export function recordsIn<T extends Pick<EvidenceSegment, 'from' | 'duration'>>(
  records: readonly T[],
  spans: readonly Span[],
): readonly T[] {
  const covered = new Set<T>();
  const longest = records.reduce((most, { duration }) => Math.max(most, duration), 0);
  for (const span of spans) {
    for (let i = firstAfter(records, span.fromUs - longest); i < records.length; i++) {
      if (records[i]!.from >= span.toUs) break;
      if (isOf(records[i]!, span)) covered.add(records[i]!);
    }
  }
  return [...covered];
}

/** Index of the first record that begins after an instant. */
function firstAfter(records: readonly Pick<EvidenceSegment, 'from'>[], us: number): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle]!.from > us) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isOf({ from, duration }: Pick<EvidenceSegment, 'from' | 'duration'>, { fromUs, toUs }: Span): boolean {
  return Math.min(from + duration, toUs) - Math.max(from, fromUs) > Math.min(LEAST_US, duration / 2);
}
