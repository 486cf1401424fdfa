/**
 * Where a verification is and what it has found, in a file of the data folder, so that it continues after a restart.
 * In: states. Out: the last one. A file that cannot be read is as none: the verification begins again.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { FIRST_PLACE, type VerifyPlace } from './verified-files.ts';
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
  return { startedMs: nowMs, completedMs: 0, files: 0, bytes: 0, findings: [], met: [] };
}

/** Reads the state; undefined if there is none. */
export function readVerifyState(file: string): VerifyState | undefined {
  try {
    const state = JSON.parse(readFileSync(file, 'utf8')) as VerifyState;
    return Array.isArray(state.findings) && Array.isArray(state.met)
      ? { ...state, ...(state.place && { place: { ...FIRST_PLACE, ...state.place } }) }
      : undefined;
  } catch (error) {
    // Torn by a crash of the system, or absent.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the state. */
export function writeVerifyState(file: string, state: VerifyState): void {
  const unfinished = `${file}.part`;
  writeFileSync(unfinished, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(unfinished, file);
}
