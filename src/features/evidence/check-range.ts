/**
 * Checks a range of a recording against its chain: each stored segment is read and hashed again.
 * In: a stream, a range. Out: a report. docs/5-record/evidence.md, "Checking a recording".
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EvidenceGap } from '@oxbow/media/evidence/block';
import type { EvidenceCrypto } from '@oxbow/media/evidence/crypto';
import { goneOf, noteGone } from '@oxbow/media/evidence/file-check';
import { holeBetween, missingBlocks, openGaps } from '@oxbow/media/evidence/open-gaps';
import type { EvidenceReport, Finding, ProvedPart } from '@oxbow/media/evidence/report';
import { type ProvedSegment, verifyChain } from '@oxbow/media/evidence/verify-chain';
import { reportOf } from '@oxbow/media/evidence/verify-file';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { isMissing } from '../../archive/segment-store.ts';
import type { Range } from '../../delivery/past/past.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { EvidenceRangeBundle } from '../../recording/evidence/evidence.ts';
import { digestOfSegment } from '../../recording/evidence/hash-segment.ts';
import type { RecordedGroup, RecordedMedia } from '../../recording/recording-reader.ts';

/** Media that ends and begins within this time joins, µs. */
const JOIN_US = 100_000;

/** The head of an Ed25519 key in SPKI form (RFC 8410, 4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** The cryptography of Node. */
export const systemCrypto: EvidenceCrypto = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  async verify(key, signature, message) {
    if (key.length !== 32 || signature.length !== 64) return false;
    const spki = { key: Buffer.concat([SPKI_HEAD, key]), format: 'der', type: 'spki' } as const;
    return verify(null, message, createPublicKey(spki), signature);
  },
};

/** What a check reads. */
export interface CheckedRecording {
  readonly recording: Pick<RecordedMedia, 'between'>;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly bundle: EvidenceRangeBundle;
  /** Ids of the keys of this server. */
  readonly trusted: readonly string[];
  /** Retention has deleted media before, µs since 1970. */
  readonly horizonUs: number;
  /**
   * End of the media when the bundle was read, µs since 1970: what is recorded during the check is in no
   * block.
   */
  readonly untilUs: number;
}

/**
 * Checks the segments that overlap a range.
 *
 * Throws the reason of the signal, and what reading does.
 */
export async function checkRange(
  { recording, reader, bundle, trusted, horizonUs, untilUs }: CheckedRecording,
  { fromUs, toUs }: Range,
  { signal }: { readonly signal: AbortSignal },
): Promise<EvidenceReport> {
  const chain = await verifyChain({ ...bundle, ranges: [], configs: [] }, { crypto: systemCrypto, trusted, signal });
  const findings: Finding[] = [...chain.findings];
  const stored = new Map((await recording.between(fromUs, toUs)).map((group) => [group.msn, group]));
  const records = chain.segments.filter((record) => record.from < toUs && record.from + record.duration > fromUs);
  const gone: EvidenceReport['gone'][number][] = [];
  const parts: ProvedPart[] = [];
  const gaps: EvidenceGap[] = [];
  const declared = chain.segments.flatMap((record) => record.gaps ?? []);
  const present = new Set(chain.blocks.map(({ seq }) => seq));
  let before: ProvedSegment | undefined;
  for (const record of records) {
    signal.throwIfAborted();
    await nextTurn(); // a day of media takes minutes
    gaps.push(...(record.gaps ?? []).filter(([from, to]) => from < toUs && to > fromUs));
    const group = stored.get(record.msn);
    stored.delete(record.msn);
    const detail = group ? await differenceOf(record, group, reader) : undefined;
    const at = { fromUs: record.from, toUs: record.from + record.duration };
    if (before) {
      const hole = between(before, record, declared, present);
      findings.push(...hole.findings);
      if (hole.gap) gaps.push(hole.gap);
    }
    before = record;
    if (group && isMoved(record, group)) {
      findings.push({ code: 'timing', detail: `segment ${record.msn} is stored at another time`, ...at });
    }
    if (group && detail === undefined) extend(parts, at);
    else if (detail !== undefined) findings.push({ code: 'changed', detail, ...at });
    else {
      const why = goneOf(record, chain, horizonUs);
      if (why) noteGone(gone, record, why);
      else findings.push({ code: 'missing', detail: `segment ${record.msn} is not stored`, ...at });
    }
  }
  for (const { msn, startUs, durationUs } of stored.values()) {
    if (startUs >= untilUs) continue;
    const at = { fromUs: startUs, toUs: startUs + durationUs };
    findings.push({ code: 'unproven', detail: `segment ${msn} is not in the chain`, ...at });
  }
  const filled = records.filter(({ healed }) => healed);
  const counts = {
    parts,
    gaps: openGaps(gaps, filled),
    gone,
    late: records.filter(({ late }) => late).length,
    healed: filled.length,
    encoded: 0,
    segments: records.length,
    samples: records.reduce((sum, { tracks }) => sum + tracks.reduce((of, [, , samples]) => of + samples, 0), 0),
  };
  return reportOf(bundle, chain, counts, findings);
}

/** What neither a record nor a gap says about the time between two records. */
function between(
  before: ProvedSegment,
  record: ProvedSegment,
  declared: readonly EvidenceGap[],
  present: ReadonlySet<number>,
): { readonly findings: readonly Finding[]; readonly gap: EvidenceGap | undefined } {
  const findings: Finding[] = [];
  const at = { fromUs: record.from, toUs: record.from + record.duration };
  for (const seq of missingBlocks(before, record, present)) {
    findings.push({ code: 'chain-broken', detail: `block ${seq} is not stored`, ...at });
  }
  const { gap, isMissing } = holeBetween(before, record, declared);
  if (isMissing) {
    const detail = `no record says what was between ${before.msn} and ${record.msn}`;
    findings.push({ code: 'missing', detail, fromUs: before.from + before.duration, toUs: record.from });
  }
  return { findings, gap };
}

/** Whether the index has a segment at another time than its record. */
function isMoved(record: ProvedSegment, { startUs, durationUs, tracks }: RecordedGroup): boolean {
  if (startUs !== record.from || durationUs !== record.duration) return true;
  return record.tracks.some(([id, tfdt]) => tracks.some((track) => track.trackId === id && track.tfdt !== tfdt));
}

/** How a stored segment differs from its record; undefined: it does not. */
async function differenceOf(
  record: ProvedSegment,
  group: RecordedGroup,
  reader: CheckedRecording['reader'],
): Promise<string | undefined> {
  for (const [trackId, , , digest] of record.tracks) {
    const track = group.tracks.find((candidate) => candidate.trackId === trackId);
    if (!track) return `segment ${record.msn} lacks track ${trackId}`;
    try {
      const bytes = await readIntact(reader, { ...track, location: track.location ?? group.location });
      if (digestOfSegment({ bytes }) !== digest)
        return `segment ${record.msn}, track ${trackId} is not what was recorded`;
    } catch (error) {
      const isDamaged = error instanceof OxbowError && error.code === 'media-damaged';
      if (!isDamaged && !isMissing(error)) throw error;
      return `segment ${record.msn}, track ${trackId} cannot be read`;
    }
  }
  return undefined;
}

function extend(parts: ProvedPart[], { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number }): void {
  const last = parts.at(-1);
  if (!last || Math.abs(fromUs - last.toUs) > JOIN_US) parts.push({ fromUs, toUs, segments: 1 });
  else parts[parts.length - 1] = { fromUs: last.fromUs, toUs, segments: last.segments + 1 };
}
