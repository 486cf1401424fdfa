/**
 * The evidence of a clip: a box at the end of an MP4. The box is made when the file is planned, because its
 * length is part of the answer; the same blocks make the same bytes.
 * In: a planned file, the chain of its stream. Out: the file with its evidence. docs/5-record/evidence.md,
 * "Clips".
 */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EvidencePiece, ExportSeal, SignedBlock } from '@oxbow/media/evidence/bundle';
import { printEvidenceBox } from '@oxbow/media/evidence/evidence-box';
import type { VisiblePast } from '../../api/past/past-rules.ts';
import type { Evidence, EvidenceRangeBundle } from '../../recording/evidence/evidence.ts';
import { sealOf } from '../../recording/evidence/file-seal.ts';

import type { Range } from '../past/past.ts';
import type { BodyPart, Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import type { WorkOptions } from '../work-budget.ts';
import { visibleBlocks } from './block-part.ts';
import type { ClipStoredGroup } from './clip-groups.ts';
import type { FilePlan, PlannedGroup } from './file-plan.ts';

/** Media next to the end of what is recorded may be in the chain, and not in the file yet, µs. */
const END_US = 100_000;
/** Ends of segments are rounded by less, µs. */
const ROUNDED_US = 1000;
/** What is younger and in no block may be in one soon: a crashed process leaves that to the next one. µs. */
const LATE_US = 900_000_000;
/** The evidence of a segment costs its client as much as so many segments of the index, or less. */
export const SEGMENTS_COST = 4;
/** Texts that are printed before other work has its turn. */
const PER_TURN = 500;

/** What clips need of the chains. */
export type ClipProof = Pick<Evidence, 'signUntil' | 'bundleOf' | 'sign' | 'nowUs'>;

/** The media of a clip, µs since 1970. */
export interface ClipMediaTimes {
  /** Of its first segment. */
  readonly startUs: number;
  /** Start and end of its last segment. */
  readonly lastUs: number;
  readonly endUs: number;
}

/** A clip with the chain of its stream. */
export interface ProvedClip {
  readonly proof: ClipProof;
  readonly stream: Pick<ServedStream, 'name' | 'recording' | 'list' | 'past' | 'horizonUs' | 'settled' | 'source'>;
  readonly range: Range;
  /** What its client may see; undefined: all. */
  readonly visible: VisiblePast | undefined;
  readonly media: ClipMediaTimes;
}

/** An MP4 clip. */
export interface MovieClip extends ProvedClip {
  readonly groups: () => AsyncGenerator<PlannedGroup<ClipStoredGroup>>;
}

/** A file with its evidence. */
type ProvedPlan = FilePlan & Required<Pick<Reply, 'shared'>>;

/**
 * Makes the evidence of an MP4: the box for its end.
 *
 * @param plan its last part is the media
 * @returns undefined if the chain has nothing of the clip
 * @throws OxbowError `no-media` if the recording has changed; the reason of the signal
 */
export async function makeEvidence(
  plan: FilePlan,
  clip: MovieClip,
  { signal, budget }: WorkOptions,
): Promise<{ readonly box: Uint8Array; readonly isProvisional: boolean } | undefined> {
  const bundle = await chainOf(clip);
  if (!bundle) return undefined;
  let count = 0;
  const entries = async function* (): AsyncGenerator<string> {
    for await (const { group, deltaOf } of clip.groups()) {
      count++;
      const pieces = group.tracks.flatMap(({ trackId, tfdt, samples, length }): EvidencePiece[] => {
        if (length === 0) return [];
        return [{ fileTrack: trackId, track: trackId, first: 0, count: samples, at: tfdt + deltaOf(trackId) }];
      });
      if (pieces.length > 0) yield JSON.stringify({ msn: group.msn, pieces });
    }
  };
  const text = await printClipBundle(bundle, printRange(clip), entries(), { signal });
  budget?.spend(count * SEGMENTS_COST);
  const head = await headOf(plan.body.slice(0, -1));
  const box = printEvidenceBox(JSON.stringify(sealOfClip(clip.proof, bundle, text, head)), text);
  return { box, isProvisional: isProvisional(bundle, clip) };
}

/**
 * Waits until a range is signed. A range that reaches into what is recorded now ends where the signed media
 * does: what is recorded while the file is planned is in no block.
 *
 * @returns the range of the file
 */
export async function signedRange(
  stream: ProvedClip['stream'],
  range: Range,
  { proof, visible }: Pick<ProvedClip, 'proof' | 'visible'>,
  { signal }: Pick<WorkOptions, 'signal'>,
): Promise<Range> {
  const { source = stream, recording } = stream;
  if (source !== stream) return range;
  const endUs = await proof.signUntil(
    recording.streamId,
    Math.min(range.toUs, (visible?.toMs ?? Number.POSITIVE_INFINITY) * 1000),
    { signal },
  );
  if (stream.settled(range.toUs) || endUs >= range.toUs) return range;
  const toUs = endUs - ROUNDED_US;
  return toUs > range.fromUs ? { fromUs: range.fromUs, toUs } : range;
}

/** A file with its evidence at its end. */
export function withEvidence(plan: FilePlan, box: Uint8Array): ProvedPlan {
  return {
    body: [...plan.body, box],
    length: plan.length + box.length,
    etag: createHash('sha1').update(plan.etag).update(box).digest('base64url'),
    weight: plan.weight,
    shared: { of: box, bytes: box.length },
  };
}

/**
 * Whether the chain will have more of a clip: its last segment is young, and in no block. Then its evidence
 * is not kept.
 */
export function isProvisional({ blocks }: EvidenceRangeBundle, { proof, media }: ProvedClip): boolean {
  if (proof.nowUs - media.endUs > LATE_US) return false;
  return !blocks.some(({ text }) => text.includes(`"from":${media.lastUs},`));
}

/**
 * The blocks with the media of a clip. Derived qualities are in no chain. Of blocks that name more than the
 * client may see there is the part that is of the clip.
 */
export async function chainOf({ proof, stream, media, visible }: ProvedClip): Promise<EvidenceRangeBundle | undefined> {
  const { name, source = stream, recording } = stream;
  if (source !== stream) return undefined;
  const range = { fromUs: media.startUs, toUs: media.endUs };
  const bundle = await proof.bundleOf({ id: recording.streamId, name }, range);
  if (!bundle || !visible) return bundle;
  const blocks = visibleBlocks(bundle.blocks, { proof, visible, media });
  return blocks.length === 0 ? undefined : { ...bundle, blocks };
}

/** The range of a clip without its entries, as JSON that is not closed: as it is now. */
export function printRange({ stream, range, media, visible }: ProvedClip): string {
  // Viewers of a stream with rules see a part of the range.
  const isLimited = visible !== undefined;
  const from = isLimited ? Math.max(range.fromUs, media.startUs) : range.fromUs;
  // What is recorded while the file is planned is in the chain, and not in the file.
  const isSettled = stream.settled(range.toUs) && !isLimited;
  const to = isSettled ? range.toUs : Math.min(range.toUs, Math.max(media.lastUs + 1, media.endUs - END_US));
  const horizon = stream.horizonUs();
  const expired = horizon > from ? `,"horizon":${Math.round(horizon)}` : '';
  return `{"from":${Math.round(from)},"to":${Math.round(to)}${expired}`;
}

/**
 * The bundle of a clip, as `printBundle` prints it.
 *
 * @param range as `printRange` printed it
 * @param entries as JSON, in the order of the file
 */
export async function printClipBundle(
  { v, stream: id, name, keys, blocks }: EvidenceRangeBundle,
  range: string,
  entries: AsyncIterable<string>,
  { signal, configs = [] }: Pick<WorkOptions, 'signal'> & { readonly configs?: readonly string[] },
): Promise<Buffer> {
  const texts: string[] = [];
  const list = async (items: AsyncIterable<string> | Iterable<string>) => {
    let count = 0;
    for await (const item of items) {
      texts.push(count++ === 0 ? item : `,${item}`);
      if (count % PER_TURN !== 0) continue;
      signal.throwIfAborted();
      await nextTurn();
    }
  };
  const head = JSON.stringify({ v, stream: id, name, keys }).slice(0, -1);
  texts.push(`${head},"blocks":[`);
  await list(blocks.map((block) => JSON.stringify(block)));
  texts.push(`],"ranges":[${range},"entries":[`);
  await list(entries);
  texts.push(`]}],"configs":${JSON.stringify(configs)}}`);
  return Buffer.from(texts.join(''));
}

/**
 * The signature over a clip. Its time is that of the newest thing in it, so that the same clip has the same
 * bytes, at each request.
 */
export function sealOfClip(
  proof: Pick<ClipProof, 'sign'>,
  { blocks }: EvidenceRangeBundle,
  text: Uint8Array,
  head: Uint8Array,
): ExportSeal {
  const nowUs = blocks.reduce((newest, block) => Math.max(newest, timeOf(block)), 0);
  return sealOf({ sign: (context, bytes) => proof.sign(context, bytes), nowUs }, text, head);
}

/** When a block was signed, or its last anchor was made, µs since 1970. */
function timeOf({ text, anchors }: SignedBlock): number {
  const [, signed = '0'] = /^\{[^[]*?"at":(\d+)/.exec(text) ?? [];
  return anchors.reduce((newest, { at }) => Math.max(newest, at), Number(signed));
}

async function headOf(body: readonly BodyPart[]): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (const part of body) {
    if (part instanceof Uint8Array) pieces.push(part);
    else if ('blocks' in part) for await (const block of part.blocks(0, part.length)) pieces.push(block);
  }
  return Buffer.concat(pieces);
}
