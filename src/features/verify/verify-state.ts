/**
 * The place and the findings of a verification, in a file of the data folder, so that it continues after a
 * restart.
 * In: states. Out: the last one; without one the verification begins at the start.
 */
import { readStateFile, writeStateFile } from '../../store/state-file.ts';
import type { VerifyPlace } from './verified-files.ts';
import type { Finding } from './verify.ts';

/** The state of a verification. */
export interface VerifyState {
  /** Undefined: none runs. */
  readonly place?: VerifyPlace | undefined;
  /** Which files it reads, for `doctor`: another scope begins again. */
  readonly scope?: string | undefined;
  /** When it began, ms since 1970; before the first one, when the file was written. */
  readonly startedMs: number;
  /** When the last one reached its end, ms since 1970; 0: none has. */
  readonly completedMs: number;
  /** Read since it began. */
  readonly files: number;
  readonly bytes: number;
  /** Damaged files that nothing has repaired. */
  readonly findings: readonly Finding[];
  /** Those of them that this verification has met. */
  readonly met: readonly string[];
}

/** The state before the first verification. */
export function noVerifyState(nowMs: number): VerifyState {
  return { startedMs: Math.round(nowMs), completedMs: 0, files: 0, bytes: 0, findings: [], met: [] };
}

/** Reads the state; undefined if there is none. */
export function readVerifyState(file: string): VerifyState | undefined {
  const state = readStateFile(file) as Partial<VerifyState> | undefined;
  if (!state || !Array.isArray(state.findings) || !Array.isArray(state.met)) return undefined;
  return { ...noVerifyState(0), ...state };
}

/** Replaces the state. @throws the system's error */
export function writeVerifyState(file: string, state: VerifyState): void {
  writeStateFile(file, state);
}
