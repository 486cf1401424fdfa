/**
 * The evidence of an exported file: which samples of it are which segments, with the signed blocks of the
 * chain.
 * In: sections as they are written. Out: the box at the end of an MP4, the tag at the end of a Matroska file.
 * docs/5-record/evidence.md, "The box" and "Matroska".
 */
import { printBase64 } from '@oxbow/media/base64';
import { type EvidenceEntry, type EvidencePiece, type EvidenceRange, printBundle } from '@oxbow/media/evidence/bundle';
import { MAX_BOX_BYTES, printEvidenceBox, printEvidenceText } from '@oxbow/media/evidence/evidence-box';
import { evidenceTagHead } from '@oxbow/media/evidence/matroska-file';
import { printTimes, timesLength } from '@oxbow/media/evidence/matroska-times';
import { ROW_BYTES } from '@oxbow/media/evidence/sample-rows';
import type { FileTracks } from '@oxbow/media/file/file-tracks';
import type { FileBatch, FileLine, StoredLine } from '@oxbow/media/file/joiner';
import { inBandSets } from '@oxbow/media/file/parameter-sets';
import { rescale } from '@oxbow/media/rescale';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import type { Evidence, EvidenceRangeBundle } from '../../recording/evidence/evidence.ts';
import { sealOf } from '../../recording/evidence/file-seal.ts';
import { rowsOf } from '../../recording/evidence/hash-segment.ts';
import type { Range } from '../past/past.ts';
import type { StoredSegment } from '../past/past-presentation.ts';
import type { Section } from './export-sections.ts';

/** What an export needs of the chains. */
export type ExportProof = Pick<Evidence, 'bundle' | 'sign' | 'nowUs'>;

/** A stream whose export is proved. */
export interface ProvedStream {
  readonly id: string;
  readonly name: string;
  /** Retention has deleted media before, µs since 1970. */
  readonly horizonUs: () => number;
}

/** Consecutive samples of a segment in a line. */
interface Stretch {
  readonly msn: number | undefined;
  readonly first: number;
  count: number;
  isExact: boolean;
  /** Of its first sample: in the file and as stored, ticks. */
  readonly fileDts: number;
  readonly storedDts: number;
  /** What the file adds to presentation times, ticks of the file. */
  readonly shift: number;
}

/** How a file is noted. */
interface NoteOptions {
  readonly format: 'mp4' | 'mkv';
  /** First pass: only how long the evidence will be. */
  readonly isPlan?: boolean;
}

/** Notes what is written. */
export class EvidenceNotes {
  readonly #reader: Pick<RangeReader, 'read'>;
  readonly #options: NoteOptions;
  readonly #ranges: { readonly range: Range; readonly exact: boolean; readonly entries: EvidenceEntry[] }[] = [];
  readonly #configs = new Set<string>();
  #fromUs = Number.POSITIVE_INFINITY;
  #toUs = Number.NEGATIVE_INFINITY;
  #missing = 0;

  constructor(reader: Pick<RangeReader, 'read'>, options: NoteOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  /** Characters that a plan leaves out. */
  get missing(): number {
    return this.#missing;
  }

  /** The sections of a range follow. @param exact it is cut at its frames */
  begin(range: Range, exact: boolean): void {
    this.#ranges.push({ range, exact, entries: [] });
  }

  /**
   * Notes a section.
   *
   * @param lines as stored
   * @param batch the same on the clock of the file
   * @param inBand key frames begin with their parameter sets
   */
  async add(section: Section, lines: readonly StoredLine[], batch: FileBatch, inBand: boolean): Promise<void> {
    const byMsn = new Map<number | undefined, EvidencePiece[]>();
    for (const [i, line] of batch.entries()) {
      const stored = lines[i]!;
      const sets = inBand && stored.track.kind === 'video' ? inBandSets(configOf(line)) : new Uint8Array(0);
      const isNamed = sets.length > 0 || this.#options.format === 'mkv';
      if (isNamed) this.#configs.add(printBase64(configOf(line).config.record));
      for (const stretch of stretchesOf(stored, line)) {
        const piece = await this.#pieceOf(section, stored, line, stretch, sets.length);
        byMsn.set(stretch.msn, [...(byMsn.get(stretch.msn) ?? []), piece]);
      }
    }
    const { entries } = this.#ranges.at(-1)!;
    const covers = section.recoded ? section.groups.map(({ msn }) => msn) : [];
    for (const [msn, pieces] of byMsn) entries.push(msn === undefined ? { covers, pieces } : { msn, pieces });
    for (const { startUs, durationUs } of section.groups) {
      this.#fromUs = Math.min(this.#fromUs, startUs);
      this.#toUs = Math.max(this.#toUs, startUs + durationUs);
    }
  }

  async #pieceOf(
    { groups }: Section,
    stored: StoredLine,
    { place }: FileLine,
    stretch: Stretch,
    sets: number,
  ): Promise<EvidencePiece> {
    const { track } = stored;
    const { msn, first, count, isExact, shift } = stretch;
    const piece = { fileTrack: place.fileTrack.number, track: track.id, first, count };
    if (msn === undefined) return piece;
    const group = groups.find((candidate) => candidate.msn === msn)!;
    const media = group.tracks.find(({ trackId }) => trackId === track.id)!;
    const isAll = first === 0 && count === media.samples;
    const base = Object.assign(piece, sets > 0 && { sets });
    if (this.#options.format === 'mp4') {
      return isAll && isExact ? base : Object.assign(base, { rows: await this.#rows(group, media) });
    }
    const { timescale } = place.fileTrack.track;
    const at = rescale(media.tfdt, track.timescale, timescale) + shift;
    const placed = Object.assign(base, { at }, timescale !== track.timescale && { scale: timescale });
    if (!isAll) return Object.assign(placed, { rows: await this.#rows(group, media) });
    if (this.#options.isPlan) this.#missing += timesLength(count);
    const samples = this.#options.isPlan ? [] : stored.samples.filter((sample) => sample.msn === msn);
    return Object.assign(placed, { times: printBase64(printTimes(samples)) });
  }

  /** All rows of a segment in base64; empty in a plan. */
  async #rows(group: StoredSegment, media: StoredSegment['tracks'][number]): Promise<string> {
    if (this.#options.isPlan) {
      this.#missing += Math.ceil((media.samples * ROW_BYTES) / 3) * 4;
      return '';
    }
    const bytes = await readIntact(this.#reader, { ...media, location: media.location ?? group.location });
    return printBase64(rowsOf({ bytes }));
  }

  /** The blocks with the media that was noted; undefined if the chain does not have it. */
  chainOf(proof: ExportProof, stream: ProvedStream): Promise<EvidenceRangeBundle | undefined> {
    const spans = this.#ranges.map(({ range: { fromUs, toUs } }) => ({ fromUs, toUs }));
    return proof.bundle(stream, spans.length === 1 ? [{ fromUs: this.#fromUs, toUs: this.#toUs }] : spans);
  }

  /** The bundle of the file, in UTF-8. @param horizonUs retention has deleted media before, µs since 1970 */
  print(bundle: EvidenceRangeBundle, horizonUs: number): Buffer {
    const ranges = this.#ranges.map(({ range: { fromUs, toUs }, exact, entries }): EvidenceRange => {
      const horizon = horizonUs > fromUs ? { horizon: horizonUs } : undefined;
      return Object.assign({ from: fromUs, to: toUs }, exact && { exact: 1 as const }, horizon, { entries });
    });
    return Buffer.from(printBundle(Object.assign({}, bundle, { ranges, configs: [...this.#configs] })));
  }

  /**
   * The box of an MP4.
   *
   * @param head all bytes of the file before its media
   * @returns undefined if the chain does not have the media
   */
  async box(proof: ExportProof, stream: ProvedStream, head: Uint8Array): Promise<Uint8Array | undefined> {
    const horizonUs = stream.horizonUs();
    const bundle = await this.chainOf(proof, stream);
    if (!bundle) return undefined;
    const text = this.print(bundle, horizonUs);
    return printEvidenceBox(JSON.stringify(sealOf(proof, text, head)), text);
  }
}

/** The tag of a Matroska file, whose length is part of its header. */
export interface PlannedTag {
  /** Bytes of the Tags element. @param headBytes all before the clusters */
  readonly length: (headBytes: number) => number;
  /** @param notes of the pass that has written the file */
  readonly print: (notes: EvidenceNotes, head: Uint8Array) => Uint8Array;
}

/**
 * Plans the evidence of a Matroska file.
 *
 * @param notes of the first pass
 * @returns undefined if the chain does not have the media, or a reader could not read the tag
 */
export async function planTag(
  notes: EvidenceNotes,
  proof: ExportProof,
  stream: ProvedStream,
): Promise<PlannedTag | undefined> {
  const horizonUs = stream.horizonUs();
  const bundle = await notes.chainOf(proof, stream);
  if (!bundle) return undefined;
  const { nowUs } = proof;
  const seals = Object.assign({ nowUs }, { sign: (context: string, bytes: Uint8Array) => proof.sign(context, bytes) });
  // All signatures and hashes are of one length.
  const seal = sealOf(seals, new Uint8Array(0), new Uint8Array(0));
  const sealLength = (headBytes: number) => JSON.stringify(Object.assign({}, seal, { headBytes })).length;
  const textLength = notes.print(bundle, horizonUs).length + notes.missing;
  if (textLength > MAX_BOX_BYTES / 2) return undefined;
  const emptyLength = evidenceTagHead(0).length + printEvidenceText('', new Uint8Array(0)).length;
  return {
    length: (headBytes) => emptyLength + sealLength(headBytes) + textLength,
    print(written, head) {
      const text = written.print(bundle, horizonUs);
      const data = printEvidenceText(JSON.stringify(sealOf(seals, text, head)), text);
      return Buffer.concat([evidenceTagHead(data.length), data]);
    },
  };
}

/**
 * Whether a Matroska file can be proved: it names one configuration of each track, and others are proved only
 * where key frames have them.
 */
export function isProvable({ all }: FileTracks): boolean {
  return all.every(({ configs }) => configs.length === 1 || configs.every((track) => inBandSets(track).length > 0));
}

function configOf({ place }: FileLine) {
  return place.fileTrack.configs[place.config]!;
}

/** The stretches of a line: its samples by segment, or encoded ones. */
function stretchesOf({ samples: stored, track }: StoredLine, { samples, place }: FileLine): Stretch[] {
  const { timescale } = place.fileTrack.track;
  const stretches: Stretch[] = [];
  let at = 0;
  for (const sample of samples) {
    while (!isCopy(stored[at]!, sample)) at++; // some were left out
    const { dts, pts, msn, index = 0 } = sample;
    const source = stored[at++]!;
    const last = stretches.at(-1);
    const continues = last && last.msn === msn && (msn === undefined || last.first + last.count === index);
    const stretch = continues
      ? last
      : {
          msn,
          first: msn === undefined ? 0 : index,
          count: 0,
          isExact: timescale === track.timescale,
          fileDts: dts,
          storedDts: source.dts,
          shift: pts - rescale(source.pts, track.timescale, timescale),
        };
    if (!continues) stretches.push(stretch);
    stretch.count++;
    const isSame = dts - stretch.fileDts === source.dts - stretch.storedDts && pts - dts === source.pts - source.dts;
    if (!isSame) stretch.isExact = false;
  }
  return stretches;
}

/** Whether a sample of the file is a stored one: of the first pass neither has its bytes. */
function isCopy(stored: FileLine['samples'][number], sample: FileLine['samples'][number]): boolean {
  return stored.msn === sample.msn && stored.index === sample.index && stored.data === sample.data;
}
