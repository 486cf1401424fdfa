/**
 * The result of a verification, as programs and pages show it.
 * In: nothing. Out: types for the verifiers. docs/5-record/evidence.md, "What a verification says".
 */
import type { EvidenceBegin, EvidenceGap } from './block.ts';

/** What can be wrong. */
export const findingCodes = [
  'no-evidence',
  'unreadable',
  'file-changed',
  'bad-signature',
  'unknown-key',
  'chain-broken',
  'changed',
  'missing',
  'repeated',
  'order',
  'extra',
  'timing',
  'unproven',
  'wrong-anchor',
] as const;

/** One of them. */
export type FindingCode = (typeof findingCodes)[number];

/** Something that is not as it was recorded. */
export interface Finding {
  readonly code: FindingCode;
  /** Start of the media concerned, µs since 1970; absent: it concerns the file, or a block. */
  readonly fromUs?: number;
  readonly toUs?: number;
  /** In words, for the log; programs decide by the code. */
  readonly detail: string;
}

/** A stretch of media that is proved. Times are µs since 1970. */
export interface ProvedPart {
  readonly fromUs: number;
  readonly toUs: number;
  readonly segments: number;
}

/** A key that signs blocks, or the file. */
export interface ReportKey {
  readonly id: string;
  /** It is one of the keys that the caller trusts, or one of them vouches for it. */
  readonly trusted: boolean;
}

/** An anchor that fits the chain. */
export interface ReportAnchor {
  readonly place: string;
  readonly atUs: number;
  /** Hash that the witness has, base64url. */
  readonly root: string;
  readonly token?: string;
}

/** The whole result. */
export interface EvidenceReport {
  /** Nothing is wrong: what the file holds is what was recorded, without an undeclared hole. */
  readonly ok: boolean;
  readonly stream: string;
  readonly name: string;
  /** The media of the file, range by range and between gaps. */
  readonly parts: readonly ProvedPart[];
  /** Missing media between the parts, with its cause. */
  readonly gaps: readonly EvidenceGap[];
  /** Media of which only records are left: retention or a request has deleted it. */
  readonly gone: readonly { readonly fromUs: number; readonly toUs: number; readonly why: 'expired' | 'erased' }[];
  /** Where a process began to write the chain. */
  readonly breaks: readonly { readonly atUs: number; readonly why: EvidenceBegin }[];
  /** Media that was hashed from the disk after a crash. */
  readonly late: number;
  /** Segments that were filled in later. */
  readonly healed: number;
  /** Pictures that the export encoded again at its edges: they are not proved. */
  readonly encoded: number;
  /**
   * Blocks of which the file has a part, which the server has signed again: the rest is hidden from its
   * reader.
   */
  readonly cut: number;
  /**
   * The file is the one that the server made of this media; its pictures are not compared with the records.
   */
  readonly sealed: boolean;
  readonly segments: number;
  readonly samples: number;
  /** When the server made the file, µs since 1970; undefined for a check without a file. */
  readonly exportedUs: number | undefined;
  readonly keys: readonly ReportKey[];
  readonly anchors: readonly ReportAnchor[];
  readonly findings: readonly Finding[];
}
