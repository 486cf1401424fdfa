/**
 * Verifies the files of a data folder from the command line, with or without a running server. Changes
 * nothing but the file that says where it was.
 * In: a data folder, what of it. Out: findings with the names of streams. docs/decisions/0063.
 */
import path from 'node:path';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import { openLocalSegmentStore } from '../../archive/local-segment-store.ts';
import { listRecordings, recordingOf, recordingPrefix } from '../../archive/recording-locations.ts';
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import type { Clock } from '../../lib/clock.ts';
import { createPace } from '../../lib/pace.ts';
import { DOCTOR_VERIFY_FILE } from '../../store/file-names.ts';
import { openIndexReader } from '../../store/reading/index-reader.ts';
import { removeStateFile } from '../../store/state-file.ts';
import { FIRST_PLACE, VerifiedFiles, type VerifyScope } from './verified-files.ts';
import { type Finding, findingOf, verifyFiles } from './verify.ts';
import { noVerifyState, readVerifyState, type VerifyState, writeVerifyState } from './verify-state.ts';

/** The place is saved at most this often, ms. */
const SAVE_EVERY_MS = 2_000;

/** The request of a verification. */
export interface VerifyRequest {
  readonly server?: DatabaseServer | undefined;
  /** Name of the only stream to verify. */
  readonly stream?: string | undefined;
  /** µs since 1970. */
  readonly fromUs?: number | undefined;
  readonly toUs?: number | undefined;
  /** Bytes a second; 0: no limit. */
  readonly rate: number;
  /** Begins again, where an earlier one was interrupted. */
  readonly restart: boolean;
  readonly clock: Clock;
  readonly progress?: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** A finding with the name of its stream. */
export interface NamedFinding extends Finding {
  /** Name of the stream; undefined for an asset, or if the database does not have it. */
  readonly stream: string | undefined;
}

/** The result of a verification. */
export interface VerifyResult {
  readonly files: number;
  readonly bytes: number;
  readonly findings: readonly NamedFinding[];
  /** An earlier one was continued. */
  readonly continued: boolean;
}

/**
 * Reads the files and compares them with the index.
 *
 * @throws OxbowError `stream-unknown`, `not-ready` if the database cannot be read, `data-newer`; the reason
 *   of the signal, and then the next call continues
 */
export async function verifyFolder(dataFolder: string, request: VerifyRequest): Promise<VerifyResult> {
  const { server, clock, signal, progress } = request;
  await using index = await openIndexReader(dataFolder, server);
  const names = await new VerifiedFiles(index).names();
  const scope = scopeOf(request, names);
  const files = new VerifiedFiles(index, scope);
  await using store = openLocalSegmentStore({ folder: dataFolder });
  const stateFile = path.join(dataFolder, DOCTOR_VERIFY_FILE);
  const scopeText = JSON.stringify(scope);
  const before = request.restart ? undefined : readVerifyState(stateFile);
  const continued = before?.place !== undefined && before.scope === scopeText;
  let state: VerifyState = continued
    ? before
    : { ...noVerifyState(clock.nowMs()), scope: scopeText, place: FIRST_PLACE };
  const total = await files.totalBytes();
  const add = (finding: Finding) => {
    const others = state.findings.filter(({ file }) => file !== finding.file);
    state = { ...state, findings: [...others, finding] };
  };
  let savedAtMs = clock.monotonicMs();
  const pace = createPace(() => request.rate, { clock, signal });
  try {
    await verifyFiles({ files, store, isShared: index.isShared, pace, signal }, state.place!, {
      async chunk(row, checked) {
        const owner = { file: row.path, of: 'recording', owner: recordingOf(row.stream_id).streamId } as const;
        const finding = findingOf(owner, checked);
        if (finding) add(finding);
      },
      async found(finding) {
        add(finding);
      },
      reached(place, bytes) {
        state = { ...state, place, files: state.files + 1, bytes: state.bytes + bytes };
        progress?.(state.bytes, total);
        const nowMs = clock.monotonicMs();
        if (nowMs - savedAtMs < SAVE_EVERY_MS) return;
        savedAtMs = nowMs;
        writeVerifyState(stateFile, state);
      },
    });
  } catch (error) {
    writeVerifyState(stateFile, state);
    throw error;
  }
  if (files.hasLibrary && !index.isShared) {
    const ids = await listRecordings(store, { signal });
    for (const id of ids) if (!names.has(id)) add(unknownStream(id));
  }
  removeStateFile(stateFile);
  const named = state.findings.map((finding) => ({ ...finding, stream: names.get(finding.owner) }));
  return { files: state.files, bytes: state.bytes, findings: named, continued };
}

/** @throws OxbowError `stream-unknown` */
function scopeOf({ stream, fromUs, toUs }: VerifyRequest, names: ReadonlyMap<string, string>): VerifyScope {
  const id = stream === undefined ? undefined : [...names].find(([, name]) => name === stream)?.[0];
  if (stream !== undefined && id === undefined) throw streamUnknown(stream);
  return { streamId: id, fromUs, toUs };
}

function unknownStream(id: string): Finding {
  const detail = 'the database has no such stream; oxbow doctor --rebuild adds it';
  return { file: recordingPrefix(id), of: 'recording', owner: id, problem: 'orphan', detail, segments: 0 };
}
