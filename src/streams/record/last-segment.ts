/**
 * Completes the last segment of a publisher that has left, within a second: its run stays open for five,
 * because the publisher may return.
 * In: events of the live stream. Out: `rest` of the packager.
 */
import type { Stream } from '../../live/stream.ts';
import type { Packager } from '../../packager/packager.ts';

/** A publisher whose connection was only interrupted is back before this, and its segment continues, ms. */
const RESTS_AFTER_MS = 700;

/** Follows a stream for as long as it exists. */
export function completeLastSegment(stream: Pick<Stream, 'events'>, packager: Pick<Packager, 'rest'>): void {
  let timer: NodeJS.Timeout | undefined;
  stream.events.subscribe((event) => {
    if (event.type !== 'run' && event.type !== 'continued' && event.type !== 'absent') return;
    clearTimeout(timer);
    if (event.type === 'absent' && event.mayContinue) timer = setTimeout(() => packager.rest(), RESTS_AFTER_MS);
  });
}
