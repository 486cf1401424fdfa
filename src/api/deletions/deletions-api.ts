/**
 * The contract of deletions and legal holds, as the HTTP API calls it. Each call refuses with an OxbowError.
 * In: http/routes call it. Out: features/erase implements it. Types only.
 */
import type { DeletionView, HoldView } from './deletion-shapes.ts';

/** Who requests something, for the audit log. */
export interface Requester {
  /** Id of the user, `admin`, or `token:` with an id. */
  readonly userId: string;
  readonly name: string;
  readonly address: string;
  readonly traceId: string;
}

/** A range to delete, ms since 1970. */
export interface DeletionRequest {
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether assets made of the range are deleted too; otherwise they refuse it. */
  readonly assets: 'keep' | 'delete';
  /** Nothing is deleted. */
  readonly isDry: boolean;
}

/** A hold to set; times are ms since 1970. */
export interface HoldRequest {
  readonly fromMs: number;
  /** Undefined: until it is lifted. */
  readonly toMs: number | undefined;
  readonly name: string;
  readonly reason: string;
}

/** Deletions and holds. */
export interface DeletionsApi {
  /**
   * Refuses `stream-unknown`, `no-media`, `bad-time`, `recording-held`, `recording-in-use`, `not-ready`.
   * Resolves when it is done, or after two seconds.
   */
  delete(stream: string, request: DeletionRequest, by: Requester): Promise<DeletionView>;
  /** Newest first. Refuses `bad-request` for an invalid cursor. */
  list(query: {
    readonly stream?: string | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  }): Promise<{ readonly items: DeletionView[]; readonly nextCursor: string | null }>;
  /** Refuses `deletion-unknown`. */
  get(id: string): Promise<DeletionView>;
  /** In order of start. Refuses `stream-unknown`. */
  holds(stream: string): readonly HoldView[];
  /** Those of all streams. */
  allHolds(): Promise<readonly HoldView[]>;
  /** Refuses `stream-unknown`, `bad-time`, `limit-reached`. */
  addHold(stream: string, request: HoldRequest, by: Requester): Promise<HoldView>;
  /** Refuses `stream-unknown`, `hold-unknown`. */
  liftHold(stream: string, id: string, by: Requester): Promise<void>;
}
