/**
 * Which events of a stream say something of its past. Viewers do not receive them while the broadcaster's
 * rules limit the times that they see.
 * In: types of events. Out: yes or no. Pure. docs/4-watch/rules-for-the-past.md.
 */
import type { EventType } from '../events.ts';

/** Events of a stream that are about its state and its settings only. */
const ABOUT_STATE: ReadonlySet<EventType> = new Set([
  'stream.created',
  'stream.changed',
  'stream.removed',
  'stream.live',
  'stream.offline',
  'stream.recording',
  'stream.generation',
]);

/** Whether an event of a stream says something of its past. A type that is not known here does. */
export function isAboutPast(type: EventType): boolean {
  return !ABOUT_STATE.has(type);
}
