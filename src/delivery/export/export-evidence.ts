/**
 * The evidence of an exported file: which samples of it are which segments, with the signed blocks of the
 * chain.
 * In: sections as they are written. Out: the box at the end of the file. docs/5-record/evidence.md, "The
 * box".
 */
import { printBase64 } from '@oxbow/media/base64';
import { type EvidenceEntry, type EvidencePiece, type EvidenceRange, printBundle } from '@oxbow/media/evidence/bundle';
import { printEvidenceBox } from '@oxbow/media/evidence/evidence-box';
import type { FileBatch, FileLine, StoredLine } from '@oxbow/media/file/joiner';
import { inBandSets } from '@oxbow/media/file/parameter-sets';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import type { Evidence } from '../../recording/evidence/evidence.ts';
import { sealOf } from '../../recording/evidence/file-seal.ts';
import { rowsOf } from '../../recording/evidence/hash-segment.ts';
import type { Range } from '../past/past.ts';
import type { StoredSegment } from '../past/past-presentation.ts';
import type { Section } from './export-sections.ts';

/** What an export needs of the chains. */
export type ExportProof = Pick<Evidence, 'bundle' | 'sign' | 'nowUs'>;

/** Consecutive samples of a segment in a line. */
interface Stretch {
  readonly msn: number | undefined;
  readonly first: number;
  count: number;
  isExact: boolean;
  /** Of its first sample: in the file and as stored, ticks. */
  readonly fileDts: number;
  readonly storedDts: number;
}

/** Notes what is written. */
export class EvidenceNotes {
  readonly #reader: Pick<RangeReader, 'read'>;
  readonly #ranges: { readonly range: Range; readonly exact: boolean; readonly entries: EvidenceEntry[] }[] = [];
  readonly #configs = new Set<string>();
  #fromUs = Number.POSITIVE_INFINITY;
  #toUs = Number.NEGATIVE_INFINITY;

  constructor(reader: Pick<RangeReader, 'read'>) {
    this.#reader = reader;
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
      if (sets.length > 0) this.#configs.add(printBase64(configOf(line).config.record));
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
    { track }: StoredLine,
    { place }: FileLine,
    { msn, first, count, isExact }: Stretch,
    sets: number,
  ): Promise<EvidencePiece> {
    const piece = { fileTrack: place.fileTrack.number, track: track.id, first, count };
    if (msn === undefined) return piece;
    const group = groups.find((candidate) => candidate.msn === msn)!;
    const media = group.tracks.find(({ trackId }) => trackId === track.id)!;
    const isWhole = isExact && first === 0 && count === media.samples;
    return {
      ...piece,
      ...(sets > 0 && { sets }),
      ...(!isWhole && { rows: printBase64(await this.#rows(group, media)) }),
    };
  }

  async #rows(group: StoredSegment, media: StoredSegment['tracks'][number]): Promise<Uint8Array> {
    const bytes = await readIntact(this.#reader, { ...media, location: media.location ?? group.location });
    return rowsOf({ bytes });
  }

  /**
   * The box.
   *
   * @param head all bytes of the file before its media
   * @returns undefined if the chain does not have the media
   */
  async box(
    proof: ExportProof,
    stream: { readonly id: string; readonly name: string; readonly horizonUs: () => number },
    head: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const horizon = stream.horizonUs();
    const ranges = this.#ranges.map(({ range: { fromUs, toUs }, exact, entries }): EvidenceRange => {
      return { from: fromUs, to: toUs, ...(exact && { exact: 1 }), ...(horizon > fromUs && { horizon }), entries };
    });
    const spans = this.#ranges.map(({ range: { fromUs, toUs } }) => ({ fromUs, toUs }));
    const bundle = await proof.bundle(
      stream,
      spans.length === 1 ? [{ fromUs: this.#fromUs, toUs: this.#toUs }] : spans,
    );
    if (!bundle) return undefined;
    const text = Buffer.from(printBundle({ ...bundle, ranges, configs: [...this.#configs] }));
    return printEvidenceBox(JSON.stringify(sealOf(proof, text, head)), text);
  }
}

function configOf({ place }: FileLine) {
  return place.fileTrack.configs[place.config]!;
}

/** The stretches of a line: its samples by segment, or encoded ones. */
function stretchesOf({ samples: stored, track }: StoredLine, { samples, place }: FileLine): Stretch[] {
  const sameScale = place.fileTrack.track.timescale === track.timescale;
  const stretches: Stretch[] = [];
  let at = 0;
  for (const { dts, pts, msn, index = 0, data } of samples) {
    while (stored[at]!.data !== data) at++; // some were left out
    const source = stored[at++]!;
    const last = stretches.at(-1);
    const continues = last && last.msn === msn && (msn === undefined || last.first + last.count === index);
    const stretch = continues
      ? last
      : {
          msn,
          first: msn === undefined ? 0 : index,
          count: 0,
          isExact: sameScale,
          fileDts: dts,
          storedDts: source.dts,
        };
    if (!continues) stretches.push(stretch);
    stretch.count++;
    const isSame = dts - stretch.fileDts === source.dts - stretch.storedDts && pts - dts === source.pts - source.dts;
    if (!isSame) stretch.isExact = false;
  }
  return stretches;
}
