/**
 * Reports the events of a stream's publishers.
 * In: events of the publisher slot. Out: `publish.*` on the event bus, metrics, the log.
 */
import type { PublisherEvent } from '../ingest/publisher-slot.ts';
import { refusals } from '../lib/errors.ts';
import type { StreamDefinition } from './definition.ts';
import type { StreamDeps } from './stream-deps.ts';

/** Reports one event of a stream's publishers. */
export function reportPublisher(
  { events, metrics, log }: Pick<StreamDeps, 'events' | 'metrics' | 'log'>,
  definition: StreamDefinition,
  event: PublisherEvent,
): void {
  const { name: stream } = definition;
  const { protocol, remote } = event.type === 'refused' ? event.request : event.publisher;
  const publisher = { protocol, remote };
  const fields = { stream, ...publisher };
  switch (event.type) {
    case 'started': {
      const role = event.publisher.role === 'active' ? 'active' : 'standby';
      metrics.publishClaims.inc({ stream, protocol, result: role });
      events.publish('publish.started', { ...publisher, role }, definition);
      log.info({ ...fields, role }, 'a publisher was accepted');
      break;
    }
    case 'refused': {
      const { code, message: detail } = event.error;
      metrics.publishClaims.inc({ stream, protocol, result: 'refused' });
      events.publish('publish.refused', { ...publisher, code, detail, hint: refusals[code].hint }, definition);
      log.warn({ ...fields, code, detail }, 'a publisher was refused');
      break;
    }
    case 'switched': {
      const { reason } = event;
      metrics.publisherSwitches.inc({ stream, reason });
      events.publish('publish.switched', { ...publisher, reason }, definition);
      log.warn({ ...fields, reason }, 'another publisher is active');
      break;
    }
    case 'ended':
      events.publish('publish.ended', { ...publisher, detail: event.detail }, definition);
      log.info({ ...fields, detail: event.detail }, 'a publisher left');
      break;
  }
}
