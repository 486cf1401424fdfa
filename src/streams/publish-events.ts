/**
 * Reports the events of a stream's publishers.
 * In: events of the publisher slot. Out: `publish.*` on the event bus, metrics, the log.
 */
import type { ClaimRequest } from '../ingest/publisher.ts';
import type { PublisherEvent } from '../ingest/publisher-slot.ts';
import { type OxbowError, refusals } from '../lib/errors.ts';
import type { StreamDefinition } from './definition.ts';
import type { StreamDeps } from './stream-deps.ts';

/** Reports one event of a stream's publishers. */
export function reportPublisher(
  { events, metrics, log }: Pick<StreamDeps, 'events' | 'metrics' | 'log'>,
  definition: StreamDefinition,
  event: PublisherEvent,
): void {
  const { name: stream } = definition;
  const { protocol, remote } = event.type === 'refused' ? event.request : event.publisher.connection;
  const publisher = { protocol, remote };
  const fields = { stream, ...publisher };
  switch (event.type) {
    case 'started': {
      const role = event.publisher.turn.role === 'active' ? 'active' : 'standby';
      metrics.publishClaims.inc({ stream, protocol, result: role });
      events.publish('publish.started', { ...publisher, role }, definition);
      log.info({ ...fields, role }, 'a publisher was accepted');
      break;
    }
    case 'refused':
      reportRefused({ events, metrics, log }, { ...event, definition, name: stream, isQuiet: false });
      break;
    case 'switched': {
      const { reason } = event;
      metrics.publisherSwitches.inc({ stream, reason });
      events.publish('publish.switched', { ...publisher, reason }, definition);
      log.warn({ ...fields, reason }, 'the active publisher changed');
      break;
    }
    case 'ended':
      events.publish('publish.ended', { ...publisher, detail: event.detail }, definition);
      log.info({ ...fields, detail: event.detail }, 'a publisher left');
      break;
  }
}

interface RefusedPublisher {
  readonly request: Pick<ClaimRequest, 'protocol' | 'remote'>;
  readonly error: OxbowError;
  /** The stream; undefined if none of that name exists or the publisher sent no name. */
  readonly definition: StreamDefinition | undefined;
  /** The name that the publisher sent, if it is a valid one. */
  readonly name: string | undefined;
  /** Too many were refused: it is counted, but neither published nor logged. */
  readonly isQuiet: boolean;
}

/** Reports a publisher that was refused. */
export function reportRefused(
  { events, metrics, log }: Pick<StreamDeps, 'events' | 'metrics' | 'log'>,
  { request: { protocol, remote }, error, definition, name, isQuiet }: RefusedPublisher,
): void {
  const { code, message: detail, extra } = error;
  // Names that clients invent are no labels.
  metrics.publishClaims.inc({ stream: definition?.name ?? '', protocol, result: 'refused' });
  if (isQuiet) return;
  const hint = typeof extra.hint === 'string' ? extra.hint : refusals[code].hint;
  const requested = definition || name === undefined ? {} : { requested: name };
  events.publish('publish.refused', { protocol, remote, code, detail, hint, ...requested }, definition);
  log.warn({ stream: name, protocol, remote, code, detail }, 'a publisher was refused');
}
