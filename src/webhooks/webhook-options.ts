/**
 * Dependencies and options of webhooks and their delivery workers.
 * In: nothing. Out: the type.
 */

import type { EventBus } from '../cluster/event-bus.ts';
import type { Clock } from '../lib/clock.ts';
import type { Net } from '../net/net.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import type { WebhookTable } from './webhook-table.ts';

/** Dependencies and options of webhooks. */
export interface WebhooksOptions {
  readonly table: WebhookTable;
  readonly bus: EventBus;
  readonly net: Pick<Net, 'fetch'>;
  readonly clock: Clock;
  /** Waits by the clock of `clock`. Rejects when aborted. */
  readonly sleep: (ms: number, options: { signal: AbortSignal }) => Promise<void>;
  /** Most deliveries that wait for one webhook, 1,000 by default; further events are stored as dropped. */
  readonly maxWaiting?: number;
  /** Records a span for each attempt. */
  readonly telemetry?: Pick<Telemetry, 'begin' | 'ended'>;
  /** Called when a delivery has ended. */
  readonly ended: (state: 'done' | 'failed' | 'dropped') => void;
  /** Called for errors that no webhook caused. */
  readonly failed: (error: unknown) => void;
}
