/**
 * Which events a webhook gets.
 * In: a webhook, an event. Out: yes or no. Pure.
 */
import type { EventType } from '../api/events.ts';
import type { PublishedEvent } from '../cluster/bus/event-bus.ts';
import type { Webhook } from './webhook-table.ts';

/** Frequent events, sent only to webhooks that list them. */
const ONLY_ON_REQUEST: ReadonlySet<EventType> = new Set(['job.progress', 'upload.progress']);

/** Whether a webhook gets an event. */
export function isFor(
  { types, stream }: Pick<Webhook, 'types' | 'stream'>,
  { event }: Pick<PublishedEvent, 'event'>,
): boolean {
  if (stream !== null && event.stream !== stream) return false;
  return types.length === 0 ? !ONLY_ON_REQUEST.has(event.type) : types.includes(event.type);
}
