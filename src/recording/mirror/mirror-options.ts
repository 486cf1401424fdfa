/**
 * What a mirror is opened with, and what it says of its targets.
 * In: nothing. Out: types.
 */
import type { ObjectTargets } from '../../archive/objects/object-targets.ts';
import type { StoredObjects } from '../../archive/objects/stored-objects.ts';
import type { SegmentStore } from '../../archive/segment-store.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ServerName } from './prefix-claim.ts';

/** What the mirror reports. */
export interface MirrorReport {
  /** An object was put, with so many bytes. */
  sent(target: string, bytes: number): void;
  /** A request ended: an object was put or deleted, or the target failed. */
  ended(target: string, result: 'put' | 'deleted' | 'failed'): void;
  /** A target failed several times in a row, or works again (`problem` is undefined). */
  changed(target: string, problem: string | undefined): void;
  /** Something failed that is not the fault of the target. */
  failed(error: unknown): void;
}

export interface MirrorOptions {
  /** The files of this process. */
  readonly files: Pick<SegmentStore, 'read'>;
  readonly objects: Pick<StoredObjects, 'targetsOf' | 'loggedBetween'>;
  readonly targets: Pick<ObjectTargets, 'names' | 'find' | 'client'>;
  /** Queues the deletion of objects durably. */
  readonly remove: (target: string, keys: readonly string[]) => Promise<void>;
  /** The node or process; it names its objects. */
  readonly owner: string;
  /** The server, or the cluster: two of them never write to one place. */
  readonly server: ServerName;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  /** Pause between two objects of a target, ms. */
  readonly everyMs: () => number;
  readonly report: MirrorReport;
  /** Whether stored files are described by the objects of a target, which stay then; by default not. */
  readonly keepsLog?: (target: string) => boolean;
}

/** How far a target is behind. */
export interface MirrorState {
  readonly target: string;
  readonly streams: number;
  /** Age of the oldest media that it does not have, ms. */
  readonly behindMs: number;
  /** Bytes of files that wait. */
  readonly behindBytes: number;
  /** Objects in it that are not compacted. */
  readonly objects: number;
  readonly problem: string | undefined;
}
