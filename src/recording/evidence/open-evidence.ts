/**
 * Opens the chains of evidence of a data folder.
 * In: the folder, its index, settings. Out: the chains, which are signed until they are closed.
 */
import type { RangeReader } from '../../archive/range-reader.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Store } from '../../store/db.ts';
import type { ChunkQueries } from '../chunks/chunk-queries.ts';
import { Evidence, type EvidenceOptions } from './evidence.ts';
import { EvidenceKeys } from './evidence-keys.ts';
import { readUnhashed } from './unhashed.ts';

/** What the chains need. */
interface EvidenceParts extends Pick<EvidenceOptions, 'settings' | 'failed'> {
  /** Absolute path; the keys are in it. */
  readonly dataFolder: string;
  /** Name of this node of a cluster; empty: there is none. */
  readonly node?: string;
  readonly store: Pick<Store, 'db' | 'rows'>;
  readonly chunks: ChunkQueries;
  readonly reader: Pick<RangeReader, 'read'>;
  readonly clock: Clock;
  /** See `EvidenceKeys.open`. */
  readonly waitsFor?: { readonly signal: AbortSignal } | undefined;
}

/** @throws OxbowError `bad-setting` for a file of keys that is malformed */
export async function openEvidence(parts: EvidenceParts): Promise<Evidence> {
  const { dataFolder, node = '', store, chunks, reader, clock, settings, failed, waitsFor } = parts;
  const nowUs = Math.round(clock.nowMs() * 1000);
  const keys = await EvidenceKeys.open(dataFolder, store.db, { node, nowUs, waitsFor });
  const { rows } = store;
  const unhashed = (id: string, fromUs: number, untilUs: number) =>
    readUnhashed({ rows, chunks, reader }, id, fromUs, untilUs);
  return new Evidence({ rows, keys, clock, settings, unhashed, failed });
}
