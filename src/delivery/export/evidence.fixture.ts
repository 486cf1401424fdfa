/**
 * A recording with its chain of evidence, and files that are exported from it, for tests.
 * In: groups. Out: files as bytes.
 */
import { webcrypto } from 'node:crypto';
import { webCrypto } from '@oxbow/media/evidence/crypto';
import type { FileRanges } from '@oxbow/media/evidence/file-parts';
import type { EvidenceReport } from '@oxbow/media/evidence/report';
import { verifyFile } from '@oxbow/media/evidence/verify-file';
import type { SegmentGroup } from '@oxbow/media/segment';
import type { ClipFormat } from '../../api/media-address.ts';
import type { PastRules } from '../../api/past/past-rules.ts';
import { openRangeReader } from '../../archive/range-reader.ts';
import { Evidence } from '../../recording/evidence/evidence.ts';
import { EvidenceKeys } from '../../recording/evidence/evidence-keys.ts';
import { readUnhashed } from '../../recording/evidence/unhashed.ts';
import { initOf, openRig, type RecordingRig } from '../../recording/recording.fixture.ts';
import type { RecordedGroup } from '../../recording/recording-reader.ts';
import { Clips } from '../clip/clip.ts';
import type { ClipProof } from '../clip/clip-evidence.ts';
import { bytesOf } from '../delivery.fixture.ts';
import type { Range } from '../past/past.ts';
import type { Reply } from '../reply.ts';
import type { ServedStream } from '../served-stream.ts';
import { type Exportable, type ExportRequest, writeExport } from './export.ts';
import type { ExportProof } from './export-evidence.ts';

/** The cryptography of Node. */
export const nodeCrypto = webCrypto(webcrypto.subtle as never);

/** Bytes as a file that is read by ranges. */
export function fileOf(bytes: Uint8Array): FileRanges {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** The report of a file. @param sidecar its evidence, if that is next to it */
export function reportOn(
  bytes: Uint8Array,
  trusted: readonly string[] = [],
  sidecar?: Uint8Array,
): Promise<EvidenceReport> {
  return verifyFile(fileOf(bytes), { crypto: nodeCrypto, trusted, sidecar });
}

/** A recording under test, named `door`. */
export interface EvidenceRig extends AsyncDisposable {
  readonly rig: RecordingRig;
  readonly evidence: Evidence;
  readonly keys: EvidenceKeys;
  /** Calls of the reader of clips. */
  readonly reads: number;
  /** The bytes of an answer. */
  bytesOf(reply: Reply): Promise<Uint8Array>;
  /** Records groups, and resolves when they are on the disk. */
  record(groups: readonly SegmentGroup[]): Promise<void>;
  /** An MP4 of ranges. */
  exported(...ranges: readonly Range[]): Promise<Uint8Array>;
  /** As `exported`, of changed groups, or with the chain of another recording. */
  exportedWith(change: FileChange, ...ranges: readonly Range[]): Promise<Uint8Array>;
  /** The answer with a clip. */
  clip(range: Range, format?: ClipFormat, change?: FileChange): Promise<Reply>;
  /** The bytes of `clip`. */
  clipped(range: Range, format?: ClipFormat, change?: FileChange): Promise<Uint8Array>;
}

/** What a forger changes. */
export interface FileChange {
  readonly groups?: (groups: RecordedGroup[]) => RecordedGroup[];
  readonly proof?: ExportProof & ClipProof;
  /** Retention has deleted media before, µs since 1970. */
  readonly horizonUs?: number;
  /** Clips end at what is recorded then, µs since 1970; default: all is complete. */
  readonly settledUs?: number;
  /** The broadcaster's rules, and whether they concern the client. */
  readonly past?: PastRules;
  readonly isExempt?: boolean;
  /** Of an export; default MP4. */
  readonly format?: ExportRequest['format'];
  /** An export of the sound alone. */
  readonly audioOnly?: boolean;
  /** Of the request of a clip. */
  readonly signal?: AbortSignal | undefined;
}

/** Chains over the store of a rig. @param change.every time of a block, ms */
export async function openChains(
  rig: RecordingRig,
  folder = rig.folder,
  node = '',
  { every = 60_000, failed }: { readonly every?: number; readonly failed?: (error: unknown) => void } = {},
) {
  const nowUs = rig.clock.nowMs() * 1000;
  const keys = await EvidenceKeys.open(folder, rig.store.db, { node, nowUs });
  const reader = openRangeReader(rig.segments);
  const evidence = new Evidence({
    rows: rig.store.rows,
    keys,
    clock: rig.clock,
    settings: { now: { evidence: { enabled: true, every } } },
    unhashed: (id, fromUs, untilUs) =>
      readUnhashed({ rows: rig.store.rows, chunks: rig.chunks, reader }, id, fromUs, untilUs),
    failed(error) {
      if (!failed) throw error;
      failed(error);
    },
  });
  return { keys, evidence, reader };
}

/** Opens a recording whose groups are hashed. */
export async function openEvidenceRig(inits: readonly ReturnType<typeof initOf>[] = [initOf()]): Promise<EvidenceRig> {
  let sink: ReturnType<Evidence['sinkOf']> | undefined;
  const rig = await openRig({ evidence: { add: (group) => sink?.add(group), close: async () => sink?.close() } });
  const { evidence, keys, reader } = await openChains(rig);
  sink = evidence.sinkOf({ id: 's', name: 'door' });
  const byNumber = new Map(inits.map((init) => [init.number, init]));
  const stream = {
    name: 'door',
    recording: rig.recording,
    inits: { get: (number: number) => byNumber.get(number) },
    createdUs: 0,
    horizonUs: () => 0,
  } as unknown as Exportable;
  const write = async (
    { groups = (all) => all, proof = evidence, horizonUs = 0, format = 'mp4', audioOnly = false }: FileChange,
    ranges: readonly Range[],
  ) => {
    const walk: typeof rig.recording.walk = async (fromUs, toUs) => groups(await rig.recording.between(fromUs, toUs));
    const recording = new Proxy(rig.recording, {
      get: (target, name) => (name === 'walk' ? walk : Reflect.get(target, name, target)),
    });
    const pieces: Uint8Array[] = [];
    await writeExport(
      { ...stream, recording, horizonUs: () => horizonUs },
      { ranges, format, exact: false, audioOnly },
      {
        reader,
        recode: () => Promise.reject(new Error('nothing is encoded')),
        write: async (bytes) => {
          pieces.push(Uint8Array.from(bytes));
        },
        signal: new AbortController().signal,
        evidence: proof,
      },
    );
    return Buffer.concat(pieces);
  };
  const clips = new Map<unknown, Clips>();
  let reads = 0;
  const counted: Pick<typeof reader, 'read'> = {
    read(...args) {
      reads++;
      return reader.read(...args);
    },
  };
  const clipOf = async (range: Range, format: ClipFormat = 'mp4', change: FileChange = {}): Promise<Reply> => {
    const { groups, proof = evidence, settledUs = Number.POSITIVE_INFINITY, past, isExempt } = change;
    const { signal = new AbortController().signal } = change;
    const walk: typeof rig.recording.walk = async (fromUs, toUs) => groups!(await rig.recording.between(fromUs, toUs));
    const recording = groups
      ? new Proxy(rig.recording, {
          get: (target, name) => (name === 'walk' ? walk : Reflect.get(target, name, target)),
        })
      : rig.recording;
    const served = {
      ...stream,
      recording,
      inits: { get: (number: number) => byNumber.get(number), isSame: () => true },
      list: { erasures: 0 },
      horizonUs: () => change.horizonUs ?? 0,
      settled: (us: number) => us <= settledUs,
      past,
    } as unknown as ServedStream;
    // As a stream is for viewers.
    if (past && !isExempt) Object.assign(served, { source: served });
    const made = clips.get(proof) ?? new Clips(counted, proof);
    clips.set(proof, made);
    return made.answer(served, range, format, { signal, isExempt });
  };
  return {
    rig,
    evidence,
    keys,
    get reads() {
      return reads;
    },
    clip: clipOf,
    bytesOf: (reply) => bytesOf(reply, reader),
    clipped: async (...args) => bytesOf(await clipOf(...args), reader),
    async record(groups) {
      for (const group of groups) rig.recorder.write(group);
      while (!rig.recorder.isQuiet) await new Promise(setImmediate);
    },
    exported: (...ranges) => write({}, ranges),
    exportedWith: (change, ...ranges) => write(change, ranges),
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      reader[Symbol.dispose]();
    },
  };
}
