/**
 * What the webhooks of a server and the worker of each are built from.
 * In: nothing. Out: the type.
 */

import type { EventBus } from '../cluster/event-bus.ts';
import type { Clock } from '../lib/clock.ts';
import type { Net } from '../net/net.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import type { WebhookTable } from './webhook-table.ts';

/** What webhooks work with. */
export interface WebhooksOptions {
  readonly table: WebhookTable;
  readonly bus: EventBus;
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Clock;
  /** Waits; the clock's own time passes meanwhile. Rejects when aborted. */
  readonly sleep: (ms: number, options: { signal: AbortSignal }) => Promise<void>;
  /** More do not wait for one webhook, 1,000 unless given; what is told meanwhile is dropped, and noted. */
  readonly maxWaiting?: number;
  /** Where each try is told, and what names it to the other side. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
  /** Told how each delivery ended. */
  readonly ended: (state: 'done' | 'failed' | 'dropped') => void;
  /** Told what went wrong that is no fault of a webhook. */
  readonly failed: (error: unknown) => void;
}
