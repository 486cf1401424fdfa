/**
 * Compares the samples of a file with the records of the chain, in the order of the file.
 * In: a file, its bundle, the proved chain. Out: what is proved, findings. docs/5-record/evidence.md,
 * "Verifying".
 */
import { parseBase64, printBase64Url } from '../base64.ts';
import { inBandSets } from '../file/parameter-sets.ts';
import type { Track } from '../frame.ts';
import { codecPrivateOf } from '../matroska/tracks.ts';
import type { EvidenceDigest, EvidenceGap, EvidenceTrack } from './block.ts';
import type { EvidenceBundle, EvidenceEntry, EvidencePiece, EvidenceRange } from './bundle.ts';
import type { EvidenceFile, EvidenceFileTrack, FileRanges, FileSample } from './file-parts.ts';
import { parseTimes, unitsOf } from './matroska-times.ts';
import { holeBetween, missingBlocks, openGaps } from './open-gaps.ts';
import type { EvidenceReport, Finding, FindingCode, ProvedPart } from './report.ts';
import { parseRows, printRow, ROW_BYTES, type SampleRow, type Sha256 } from './sample-rows.ts';
import { isEqual } from './text-bytes.ts';
import type { ProvedChain, ProvedSegment, VerifyOptions } from './verify-chain.ts';

/** Media that ends and begins within this time joins, µs. */
const JOIN_US = 100_000;
/** Codecs whose configuration has another form in Matroska. */
const CONVERTED = ['vp9', 'opus', 'flac', 'ac3', 'eac3'] as const;
/** A decode time may be rounded by this much where a track has another timescale in the file, ticks. */
const ROUNDED_TICKS = 2;

/** The last segment of a track whose samples were compared. */
interface LineEnd {
  readonly segment: ProvedSegment;
  /** Decode times of one sample: in the recording and in the file, ticks of each. */
  readonly storedDts: number;
  readonly fileDts: number;
}

/** A track of a record. */
interface StoredTrack {
  readonly record: EvidenceDigest;
  readonly timescale: number;
}

/** Where the first sample of a piece is: decode times in the recording and in the file, with timescales. */
interface PiecePlace {
  readonly storedDts: number;
  readonly fileDts: number;
  readonly stored: number;
  readonly file: number;
}

interface CheckOptions extends VerifyOptions {
  readonly file: FileRanges;
  readonly parts: EvidenceFile;
  readonly bundle: EvidenceBundle;
  readonly chain: ProvedChain;
}

/** One comparison. */
export class FileCheck {
  readonly #options: CheckOptions;
  readonly #tracks: ReadonlyMap<number, EvidenceFileTrack>;
  readonly #findings: Finding[] = [];
  readonly #ends = new Map<number, LineEnd>();
  /** Digests of the configurations of each file track. */
  readonly #configs = new Map<number, ReadonlySet<string>>();
  readonly #mixed = new Set<string>();
  readonly #parts: ProvedPart[] = [];
  readonly #gaps: EvidenceGap[] = [];
  readonly #gone: EvidenceReport['gone'][number][] = [];
  /** Gaps of all records. */
  readonly #declared: readonly EvidenceGap[];
  /** Numbers of the blocks. */
  readonly #blocks: ReadonlySet<number>;
  #sets: ReadonlyMap<string, Uint8Array> = new Map();
  #late = 0;
  /** Segments that were filled in later. */
  readonly #filled: ProvedSegment[] = [];
  #encoded = 0;
  #segments = 0;
  #samples = 0;
  #bytes = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#tracks = new Map(options.parts.tracks.map((track) => [track.id, track]));
    this.#declared = options.chain.segments.flatMap(({ gaps = [] }) => gaps);
    this.#blocks = new Set(options.chain.blocks.map(({ seq }) => seq));
  }

  /** Compares all. Throws what reading does, and the reason of the signal. */
  async run(): Promise<
    Pick<
      EvidenceReport,
      'parts' | 'gaps' | 'gone' | 'late' | 'healed' | 'encoded' | 'segments' | 'samples' | 'findings'
    >
  > {
    const { bundle, parts, crypto } = this.#options;
    for (const { id, configs } of parts.tracks) {
      const digests = new Set<string>();
      for (const config of configs) if (config) digests.add(printBase64Url(await crypto.sha256(config)));
      if (parts.form === 'matroska')
        for (const record of recordsOf(bundle, configs[0])) digests.add(printBase64Url(await crypto.sha256(record)));
      this.#configs.set(id, digests);
    }
    this.#sets = await this.#readSets();
    const total = bundle.ranges.reduce((sum, { entries }) => sum + entries.length, 0);
    let done = 0;
    for (const range of bundle.ranges) {
      this.#ends.clear();
      const use = new RangeUse();
      for (const entry of range.entries) {
        this.#options.signal?.throwIfAborted();
        await this.#compare(entry, use);
        this.#options.progress?.(++done / total);
      }
      this.#checkParts(range);
      this.#checkOrder(range, use.segments);
      this.#checkTracks(range, use);
    }
    for (const { id, samples } of parts.tracks) {
      if (await samples.next()) this.#find('extra', `track ${id} has samples that are in no segment`);
    }
    if (parts.mediaBytes !== undefined && this.#bytes !== parts.mediaBytes) {
      this.#find('extra', `the samples have ${this.#bytes} bytes, and the media ${parts.mediaBytes}`);
    }
    return {
      parts: this.#parts,
      gaps: openGaps(this.#gaps, this.#filled),
      gone: this.#gone,
      late: this.#late,
      healed: this.#filled.length,
      encoded: this.#encoded,
      segments: this.#segments,
      samples: this.#samples,
      findings: this.#findings,
    };
  }

  /** The parameter sets that the export put before key frames, by the digest of their configuration. */
  async #readSets(): Promise<ReadonlyMap<string, Uint8Array>> {
    const sets = new Map<string, Uint8Array>();
    for (const text of this.#options.bundle.configs) {
      const record = parseBase64(text) ?? new Uint8Array(0);
      const digest = printBase64Url(await this.#options.crypto.sha256(record));
      for (const codec of ['h264', 'hevc']) {
        try {
          sets.set(`${codec} ${digest}`, inBandSets({ config: { codec, record } } as unknown as Track));
        } catch {
          // It is of the other codec; a set that is needed and missing is found where it is used.
        }
      }
    }
    return sets;
  }

  async #compare({ msn, covers = [], pieces }: EvidenceEntry, use: RangeUse): Promise<void> {
    const { byMsn } = this.#options.chain;
    const segment = msn === undefined ? undefined : byMsn.get(msn);
    if (!segment) {
      for (const piece of pieces) for (let i = 0; i < piece.count && (await this.#next(piece)); i++);
      if (msn !== undefined) this.#find('unproven', `segment ${msn} is not in the chain`);
      if (msn !== undefined) return;
      this.#encoded += pieces.reduce((sum, { count }) => sum + count, 0);
      for (const covered of covers) {
        const replaced = byMsn.get(covered);
        if (replaced) use.cover(replaced);
        if (replaced && this.#options.parts.form === 'sealed') this.#countSegment(replaced);
        else if (this.#options.parts.form === 'sealed')
          this.#find('unproven', `segment ${covered} is not in the chain`);
      }
      return;
    }
    if (!use.has(segment)) this.#countSegment(segment);
    for (const piece of pieces) {
      if (!use.take(segment, piece)) this.#find('repeated', `samples of segment ${msn} are in the file again`, segment);
      await this.#comparePiece(segment, piece);
    }
  }

  #countSegment(segment: ProvedSegment): void {
    this.#segments++;
    if (segment.late) this.#late++;
    if (segment.healed) this.#filled.push(segment);
  }

  async #next({ fileTrack }: EvidencePiece): Promise<FileSample | undefined> {
    const sample = await this.#tracks.get(fileTrack)?.samples.next();
    if (!sample) return undefined;
    this.#samples++;
    this.#bytes += sample.length;
    return sample;
  }

  async #comparePiece(segment: ProvedSegment, piece: EvidencePiece): Promise<void> {
    const { fileTrack, track, count } = piece;
    const record = segment.tracks.find(([id]) => id === track);
    const stored = segment.initTracks.get(track);
    const samples: FileSample[] = [];
    for (let i = 0; i < count; i++) {
      const sample = await this.#next(piece);
      if (!sample) break;
      samples.push(sample);
    }
    const line = this.#tracks.get(fileTrack);
    if (!record || !stored || !line || samples.length !== count || count === 0) {
      this.#find('changed', `segment ${segment.msn} has other samples of track ${track}`, segment);
      return;
    }
    if (stored.config && !this.#isKnown(piece, stored)) {
      this.#findOnce('changed', `track ${track} has another codec configuration`, segment);
    }
    const bytes = await this.#bytesOf(segment, piece, samples, stored.codec, stored.config);
    if (!bytes) return;
    const place =
      this.#options.parts.form === 'matroska'
        ? await this.#compareBlocks(piece, { record, timescale: stored.timescale }, samples, bytes)
        : await this.#compareSamples(piece, { record, timescale: stored.timescale }, line, samples, bytes);
    if (place === 'changed') {
      this.#find('changed', `segment ${segment.msn}, track ${track} is not what was recorded`, segment);
    } else if (place === 'timing') {
      this.#find('timing', `segment ${segment.msn}, track ${track} is at another time`, segment);
    } else {
      this.#checkTimes(segment, fileTrack, place);
    }
  }

  /**
   * Whether the file names the configuration of a piece: Matroska has room for the first one of a track, and
   * key frames begin with the others.
   */
  #isKnown({ fileTrack, sets = 0 }: EvidencePiece, { codec, config }: EvidenceTrack): boolean {
    if (this.#configs.get(fileTrack)?.has(config)) return true;
    return this.#options.parts.form === 'matroska' && sets > 0 && this.#sets.has(`${codec} ${config}`);
  }

  /** Compares samples that have decode times. */
  async #compareSamples(
    piece: EvidencePiece,
    { record: [, tfdt, total, digest], timescale }: StoredTrack,
    line: EvidenceFileTrack,
    samples: readonly FileSample[],
    bytes: readonly Uint8Array[],
  ): Promise<PiecePlace | 'changed' | 'timing'> {
    const { first, count } = piece;
    const { crypto, parts } = this.#options;
    const fileDts = samples[0]!.dts;
    if (parts.form === 'fragments' && piece.at !== fileDts) return 'timing';
    let afterFirst = 0;
    if (piece.rows === undefined) {
      const printed = await printRows(samples, bytes, crypto.sha256);
      const isSame = first === 0 && count === total && printBase64Url(await crypto.sha256(printed)) === digest;
      if (!isSame || line.timescale !== timescale) return 'changed';
    } else {
      const kept = (await this.#recordedRows(piece.rows, total, digest)).slice(first, first + count);
      const scale = line.timescale / timescale;
      if (kept.length !== count || !(await this.#isSame(samples, bytes, kept, scale))) return 'changed';
      afterFirst = kept[0]!.afterFirst;
    }
    return { storedDts: tfdt + afterFirst, fileDts, stored: timescale, file: line.timescale };
  }

  /** Compares blocks of Matroska: their decode times are in the evidence, and hashed with their bytes. */
  async #compareBlocks(
    piece: EvidencePiece,
    { record: [, tfdt, total, digest], timescale }: StoredTrack,
    samples: readonly FileSample[],
    bytes: readonly Uint8Array[],
  ): Promise<PiecePlace | 'changed' | 'timing'> {
    const { first, count, at, rows, times, scale = timescale } = piece;
    const { crypto } = this.#options;
    let kept: readonly Pick<SampleRow, 'afterFirst' | 'composition'>[];
    if (rows === undefined) {
      const timed = parseTimes(times ?? '');
      if (timed?.length !== count || first !== 0 || count !== total) return 'changed';
      const decoded = samples.map(({ key }, i) => {
        return { dts: timed[i]!.afterFirst, composition: timed[i]!.composition, key };
      });
      const printed = await printRows(decoded, bytes, crypto.sha256);
      if (printBase64Url(await crypto.sha256(printed)) !== digest) return 'changed';
      kept = timed;
    } else {
      const recorded = (await this.#recordedRows(rows, total, digest)).slice(first, first + count);
      if (recorded.length !== count || !(await this.#isSame(samples, bytes, recorded, undefined))) return 'changed';
      kept = recorded;
    }
    if (at === undefined) return 'timing';
    for (const [i, { afterFirst, composition }] of kept.entries()) {
      if (samples[i]!.units !== unitsOf(piece, { tfdt, timescale }, afterFirst + composition)) return 'timing';
    }
    return { storedDts: tfdt, fileDts: at, stored: timescale, file: scale };
  }

  /** The rows of a segment, if they are those of its record; otherwise none. */
  async #recordedRows(text: string, total: number, digest: string): Promise<readonly SampleRow[]> {
    const rows = parseBase64(text) ?? new Uint8Array(0);
    const parsed = parseRows(rows);
    const isRecord = parsed?.length === total && printBase64Url(await this.#options.crypto.sha256(rows)) === digest;
    return isRecord ? parsed : [];
  }

  /** The bytes of samples without the parameter sets in front; undefined if those are others. */
  async #bytesOf(
    segment: ProvedSegment,
    { sets = 0 }: EvidencePiece,
    samples: readonly FileSample[],
    codec: string,
    config: string,
  ): Promise<Uint8Array[] | undefined> {
    const expected = sets > 0 ? this.#sets.get(`${codec} ${config}`) : undefined;
    const list: Uint8Array[] = [];
    for (const { offset, length, key } of samples) {
      const bytes = await this.#options.file.read(offset, length);
      if (sets === 0 || !key) {
        list.push(bytes);
        continue;
      }
      if (!expected || expected.length !== sets || !isEqual(bytes.subarray(0, sets), expected)) {
        this.#find('changed', `the parameter sets of segment ${segment.msn} are others`, segment);
        return undefined;
      }
      list.push(bytes.subarray(sets));
    }
    return list;
  }

  async #isSame(
    samples: readonly FileSample[],
    bytes: readonly Uint8Array[],
    rows: readonly SampleRow[],
    scale: number | undefined,
  ): Promise<boolean> {
    const from = rows[0]!.afterFirst;
    const about = (ticks: number, row: number) => scale === undefined || Math.abs(ticks - row * scale) <= ROUNDED_TICKS;
    for (const [i, row] of rows.entries()) {
      const { dts, composition, key } = samples[i]!;
      const isTimed = about(dts - samples[0]!.dts, row.afterFirst - from) && about(composition, row.composition);
      if (!isTimed || key !== row.key || bytes[i]!.length !== row.length) return false;
      if (!isEqual(await this.#options.crypto.sha256(bytes[i]!), row.hash)) return false;
    }
    return true;
  }

  /** Within a run without a gap the file has the distance between two segments that the recording has. */
  #checkTimes(segment: ProvedSegment, fileTrack: number, { storedDts, fileDts, stored, file }: PiecePlace): void {
    const before = this.#ends.get(fileTrack);
    this.#ends.set(fileTrack, { segment, storedDts, fileDts });
    if (!before || !joins(before.segment, segment)) return;
    const expected = ((storedDts - before.storedDts) * file) / stored;
    if (Math.abs(fileDts - before.fileDts - expected) > ROUNDED_TICKS) {
      this.#find('timing', `segment ${segment.msn} is at another time`, segment);
    }
  }

  /** Whether blocks that are there in part have all records of a range. */
  #checkParts({ from, to }: EvidenceRange): void {
    for (const { seq, part } of this.#options.chain.blocks) {
      if (!part || (part.from <= from && part.to >= to)) continue;
      this.#findSpan('missing', `block ${seq} is there for another time`, from, to);
    }
  }

  /** Whether a range has all segments between its first and its last, once and in order. */
  #checkOrder(range: EvidenceRange, used: readonly ProvedSegment[]): void {
    const { segments } = this.#options.chain;
    const place = new Map(segments.map((segment, i) => [segment.msn, i]));
    let before: ProvedSegment | undefined;
    for (const segment of used) {
      if (before && place.get(segment.msn)! < place.get(before.msn)!) {
        this.#find('order', `segment ${segment.msn} follows segment ${before.msn}`, segment);
        continue;
      }
      if (before) this.#between(range, before, segment, place);
      else this.#edge(range, segment, place);
      this.#extend(range, before, segment);
      before = segment;
    }
    if (used.length === 0) this.#find('missing', 'a range of the file has no segment');
    if (before) this.#tail(range, before, place);
    if (this.#options.parts.form === 'sealed' && used.length > 0) this.#checkEnds(range, used);
  }

  /** Whether the records of a file that is signed as a whole reach from its start to its end. */
  #checkEnds({ from, to }: EvidenceRange, used: readonly ProvedSegment[]): void {
    const startUs = used.reduce((least, segment) => Math.min(least, segment.from), Number.POSITIVE_INFINITY);
    const endUs = used.reduce((most, segment) => Math.max(most, segment.from + segment.duration), 0);
    const detail = 'the chain has no record of a part of the file';
    if (startUs - from > JOIN_US) this.#findSpan('unproven', detail, from, startUs);
    if (to - endUs > JOIN_US) this.#findSpan('unproven', detail, endUs, to);
  }

  /** Whether a range has each track of its segments, whole but for its edges. */
  #checkTracks({ from, to, exact }: EvidenceRange, use: RangeUse): void {
    let before: ProvedSegment | undefined;
    const begun = new Set<number>();
    for (const segment of use.segments) {
      const isEdge = exact !== undefined && (segment.from < from || segment.from + segment.duration > to);
      if (!before || !joins(before, segment)) begun.clear();
      before = segment;
      for (const [track, , samples] of segment.tracks) {
        const count = use.countOf(segment, track);
        // Pictures that cannot be decoded at the beginning of a part are left out.
        const begins = !begun.has(track) && segment.initTracks.get(track)?.kind === 'video';
        if (count > 0) begun.add(track);
        const isExcused = begins || isEdge || use.isCovered(segment);
        if (!use.tracks.has(track) || count === samples || isExcused) continue;
        this.#find('missing', `segment ${segment.msn} has ${count} of ${samples} samples of track ${track}`, segment);
      }
    }
  }

  /** Segments between two that are in the file, and gaps. */
  #between(
    range: EvidenceRange,
    before: ProvedSegment,
    segment: ProvedSegment,
    place: ReadonlyMap<number, number>,
  ): void {
    const { segments } = this.#options.chain;
    for (let i = place.get(before.msn)! + 1; i < place.get(segment.msn)!; i++) this.#lacks(range, segments[i]!);
    this.#checkLinks(before, segment);
    this.#gaps.push(...(segment.gaps ?? []));
    const endUs = before.from + before.duration;
    if (place.get(segment.msn)! !== place.get(before.msn)! + 1) return;
    const { gap, isMissing } = holeBetween(before, segment, this.#declared);
    if (gap) this.#gaps.push(gap);
    if (isMissing) {
      this.#findSpan(
        'missing',
        `no record says what was between ${before.msn} and ${segment.msn}`,
        endUs,
        segment.from,
      );
    }
  }

  /** Blocks between two records: all, so that none is left out. */
  #checkLinks(before: ProvedSegment, segment: ProvedSegment): void {
    for (const seq of missingBlocks(before, segment, this.#blocks)) {
      this.#findOnce('chain-broken', `block ${seq} is not in the file`, segment);
    }
  }

  /** Segments of the range before the first that is in the file. */
  #edge(range: EvidenceRange, first: ProvedSegment, place: ReadonlyMap<number, number>): void {
    const { segments } = this.#options.chain;
    const end = place.get(first.msn)!;
    let start = end;
    while (start > 0 && segments[start - 1]!.from >= range.from) start--;
    for (const earlier of segments.slice(start, end)) this.#lacks(range, earlier);
  }

  /** Segments of the range after the last that is in the file. */
  #tail(range: EvidenceRange, last: ProvedSegment, place: ReadonlyMap<number, number>): void {
    const { segments } = this.#options.chain;
    for (let i = place.get(last.msn)! + 1; i < segments.length; i++) {
      const later = segments[i]!;
      if (later.from >= range.to) break;
      this.#lacks(range, later);
    }
  }

  /** A record whose media is not in the file. */
  #lacks({ horizon = 0 }: EvidenceRange, segment: ProvedSegment): void {
    const why = goneOf(segment, this.#options.chain, horizon);
    if (why === undefined) this.#find('missing', `segment ${segment.msn} is not in the file`, segment);
    else noteGone(this.#gone, segment, why);
  }

  #extend({ from, to, exact }: EvidenceRange, before: ProvedSegment | undefined, segment: ProvedSegment): void {
    const fromUs = exact ? Math.max(from, segment.from) : segment.from;
    const toUs = exact ? Math.min(to, segment.from + segment.duration) : segment.from + segment.duration;
    if (toUs <= fromUs) return; // it has only frames that others need
    const last = this.#parts.at(-1);
    const continues = before && last && fromUs - last.toUs <= JOIN_US;
    if (!continues) this.#parts.push({ fromUs, toUs, segments: 1 });
    else this.#parts[this.#parts.length - 1] = { fromUs: last.fromUs, toUs, segments: last.segments + 1 };
  }

  #find(code: FindingCode, detail: string, segment?: ProvedSegment): void {
    if (!segment) this.#findings.push({ code, detail });
    else this.#findSpan(code, detail, segment.from, segment.from + segment.duration);
  }

  #findSpan(code: FindingCode, detail: string, fromUs: number, toUs: number): void {
    this.#findings.push({ code, detail, fromUs, toUs });
  }

  #findOnce(code: FindingCode, detail: string, segment: ProvedSegment): void {
    if (this.#mixed.has(detail)) return;
    this.#mixed.add(detail);
    this.#find(code, detail, segment);
  }
}

/** Why the media of a record was deleted; undefined: it was not. @param horizonUs of retention */
export function goneOf(
  { from, duration }: ProvedSegment,
  { blocks }: Pick<ProvedChain, 'blocks'>,
  horizonUs: number,
): 'expired' | 'erased' | undefined {
  for (const { notes } of blocks) {
    for (const note of notes) {
      if (note.what === 'erased' && from < note.to && from + duration > note.from) return 'erased';
      if (note.what === 'expired' && from < note.before) return 'expired';
    }
  }
  return from < horizonUs ? 'expired' : undefined;
}

/** Adds the time of a record to a list of what is gone, joined to the last entry where it continues it. */
export function noteGone(
  list: EvidenceReport['gone'][number][],
  { from, duration }: ProvedSegment,
  why: 'expired' | 'erased',
): void {
  const last = list.at(-1);
  const joinsLast = last?.why === why && Math.abs(last.toUs - from) <= JOIN_US;
  if (joinsLast) list[list.length - 1] = { fromUs: last.fromUs, toUs: from + duration, why };
  else list.push({ fromUs: from, toUs: from + duration, why });
}

/** What a range of the file uses of its segments. */
class RangeUse {
  /** In the order in which the file has them. */
  readonly segments: ProvedSegment[] = [];
  /** Tracks of the recording that it uses. */
  readonly tracks = new Set<number>();
  readonly #counts = new Map<string, { end: number; count: number }>();
  readonly #seen = new Set<number>();
  readonly #covered = new Set<number>();

  has({ msn }: ProvedSegment): boolean {
    return this.#seen.has(msn);
  }

  /** Encoded pictures take the place of those of a segment. */
  cover(segment: ProvedSegment): void {
    this.#covered.add(segment.msn);
    this.#note(segment);
  }

  isCovered({ msn }: ProvedSegment): boolean {
    return this.#covered.has(msn);
  }

  /** @returns false if some of the samples were taken before, or later ones */
  take(segment: ProvedSegment, { track, first, count }: EvidencePiece): boolean {
    this.#note(segment);
    this.tracks.add(track);
    const key = `${segment.msn}/${track}`;
    const taken = this.#counts.get(key) ?? { end: 0, count: 0 };
    this.#counts.set(key, { end: first + count, count: taken.count + count });
    return first >= taken.end;
  }

  countOf({ msn }: ProvedSegment, track: number): number {
    return this.#counts.get(`${msn}/${track}`)?.count ?? 0;
  }

  #note(segment: ProvedSegment): void {
    if (this.#seen.has(segment.msn)) return;
    this.#seen.add(segment.msn);
    this.segments.push(segment);
  }
}

/** The codec configurations of the evidence that Matroska has as this CodecPrivate. */
function recordsOf({ configs }: EvidenceBundle, codecPrivate: Uint8Array = new Uint8Array(0)): Uint8Array[] {
  const records = configs.map((text) => parseBase64(text) ?? new Uint8Array(0));
  return records.filter((record) =>
    CONVERTED.some((codec) => {
      try {
        return isEqual(codecPrivateOf({ codec, record }), codecPrivate);
      } catch {
        return false; // of another codec
      }
    }),
  );
}

/** The rows of samples of a file. @param bytes of each, as it was recorded */
async function printRows(
  samples: readonly Pick<FileSample, 'dts' | 'composition' | 'key'>[],
  bytes: readonly Uint8Array[],
  sha256: Sha256,
): Promise<Uint8Array> {
  const printed = new Uint8Array(samples.length * ROW_BYTES);
  const view = new DataView(printed.buffer);
  for (const [i, { dts, composition, key }] of samples.entries()) {
    printRow(view, i * ROW_BYTES, { dts, pts: dts + composition, key, length: bytes[i]!.length }, samples[0]!.dts);
    printed.set(await sha256(bytes[i]!), i * ROW_BYTES + 16);
  }
  return printed;
}

/** Whether a segment continues another one of its run, without a gap. */
function joins(before: ProvedSegment, segment: ProvedSegment): boolean {
  const isNext = Math.abs(before.from + before.duration - segment.from) <= JOIN_US;
  return before.run === segment.run && before.init === segment.init && isNext && (segment.gaps?.length ?? 0) === 0;
}
