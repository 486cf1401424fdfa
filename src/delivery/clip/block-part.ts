/**
 * A part of a block of evidence for viewers who may not see all of the stream: a block is signed as a whole,
 * so that the server signs what it shows of it again, with the hash of the whole.
 * In: a block, what its reader may see, the media of a clip. Out: the block, or its part.
 * docs/5-record/evidence.md, "Parts of blocks".
 */
import {
  type EvidenceBlock,
  type EvidenceGap,
  type EvidenceNote,
  type EvidenceSegment,
  PART_CONTEXT,
  printBlock,
} from '@oxbow/media/evidence/block';
import type { SignedBlock } from '@oxbow/media/evidence/bundle';
import type { VisiblePast } from '../../api/past/past-rules.ts';
import type { Evidence } from '../../recording/evidence/evidence.ts';
import { sha256Text } from '../../recording/evidence/hash-segment.ts';

/** Times, µs since 1970. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** What a reader gets of blocks. */
export interface PartOptions {
  readonly proof: Pick<Evidence, 'sign'>;
  readonly visible: VisiblePast;
  /** The media of the file. */
  readonly media: { readonly startUs: number; readonly endUs: number };
}

/**
 * The blocks as a reader may see them: of those that name more than the file has, what is of the file. Blocks
 * at the ends of which nothing is left are left out.
 */
export function visibleBlocks(blocks: readonly SignedBlock[], options: PartOptions): readonly SignedBlock[] {
  const shown = blocks.map((signed) => partOf(signed, options));
  const first = shown.findIndex(({ isEmpty }) => !isEmpty);
  const last = shown.findLastIndex(({ isEmpty }) => !isEmpty);
  return first < 0 ? [] : shown.slice(first, last + 1).map(({ signed }) => signed);
}

function partOf(signed: SignedBlock, { proof, visible, media }: PartOptions) {
  const block = JSON.parse(signed.text) as EvidenceBlock;
  const seen = { from: Math.ceil(visible.fromMs * 1000), to: Math.floor(visible.toMs * 1000) };
  const file = { from: Math.floor(media.startUs), to: Math.ceil(media.endUs) };
  const segments = block.segments.filter((segment) => isOfFile(segment, file, seen));
  const shown = segments.map((segment) => withGaps(segment, seen));
  const notes = block.notes.flatMap((note) => noteIn(note, seen));
  const isWhole =
    segments.length === block.segments.length &&
    shown.every((segment, i) => segment === segments[i]) &&
    notes.length === block.notes.length &&
    notes.every((note, i) => note === block.notes[i]);
  const isEmpty = segments.length === 0 && notes.length === 0;
  if (isWhole) return { signed, isEmpty };
  const { v, stream, name, seq, prev, at, key, begins, ends, inits } = block;
  const used = new Set(segments.map(({ init }) => init));
  const part: EvidenceBlock = Object.assign(
    { v, stream, name, seq, prev, at, key: proof.sign(PART_CONTEXT, new Uint8Array(0)).key },
    begins && segments[0] === block.segments[0] && { begins },
    ends && segments.at(-1) === block.segments.at(-1) && { ends },
    { inits: inits.filter(({ number }) => used.has(number)), segments: shown, notes },
    { part: { of: sha256Text(signed.text), by: key, from: file.from, to: file.to } },
  );
  const text = printBlock(part);
  const { signature } = proof.sign(PART_CONTEXT, Buffer.from(sha256Text(text), 'base64url'));
  return { signed: { text, signature, anchors: signed.anchors }, isEmpty };
}

/** Whether a record is of a file, or has a gap of it and may be seen. */
function isOfFile({ from, duration, gaps = [] }: EvidenceSegment, file: Span, seen: Span): boolean {
  const to = from + duration;
  if (from < seen.from || to > seen.to) return false;
  return (from < file.to && to > file.from) || gaps.some(([start, end]) => start < file.to && end > file.from);
}

/** A record with what its reader may see of its gaps. */
function withGaps(segment: EvidenceSegment, { from, to }: Span): EvidenceSegment {
  const { gaps } = segment;
  if (!gaps || gaps.every(([start, end]) => start >= from && end <= to)) return segment;
  const cut = gaps.flatMap(([start, end, cause, detail]): EvidenceGap[] => {
    const span = [Math.max(start, from), Math.min(end, to)] as const;
    return span[0] < span[1] ? [[...span, cause, detail]] : [];
  });
  const { gaps: _, ...rest } = segment;
  return cut.length === 0 ? rest : { ...segment, gaps: cut };
}

function noteIn(note: EvidenceNote, { from, to }: Span): EvidenceNote[] {
  if (note.what === 'expired') return note.before > from ? [note] : [];
  if (note.from >= from && note.to <= to) return [note];
  const span = { from: Math.max(note.from, from), to: Math.min(note.to, to) };
  return span.from < span.to ? [{ ...note, ...span }] : [];
}
