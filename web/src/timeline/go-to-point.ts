/**
 * A step to the next marker, protected span or gap, for buttons and keys.
 * In: the timeline, the shown time. Out: a seek of the player, or a message that there is none.
 */
import { failureOf } from '../api/client.ts';
import { toast } from '../components/toasts/toast.svelte.ts';
import type { MediaRequests } from '../media/requests.ts';
import { failureText, t } from '../viewer/preferences.svelte.ts';
import type { TimelineState } from './state.svelte.ts';

/** Timelines in which a step is being searched: further presses wait for none. */
const searching = new WeakSet<TimelineState>();

/** The reason why there is no step in a direction. */
export function noPointText(forward: boolean): string {
  return t(forward ? 'bar.noPointAfter' : 'bar.noPointBefore');
}

/**
 * Goes to the next point of the recording, at once if the bar knows it. Never rejects.
 *
 * @param atMs the shown time, unix milliseconds
 * @param forward false: to the previous one
 */
export async function goToPoint(
  timeline: TimelineState,
  controls: Pick<MediaRequests, 'goTo'>,
  atMs: number,
  forward: boolean,
): Promise<void> {
  if (searching.has(timeline)) return;
  searching.add(timeline);
  try {
    const point = await timeline.findPoint({ atMs, forward, playing: true });
    if (point) controls.goTo(point.atMs, { back: !forward });
    else toast({ text: noPointText(forward) });
  } catch (error) {
    toast({ text: failureText(failureOf(error)).title, tone: 'bad', lastsMs: 6_000 });
  } finally {
    searching.delete(timeline);
  }
}
