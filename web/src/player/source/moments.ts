/**
 * Which recorded time is played for a request.
 * In: a requested time. Out: the time to play. The server is requested only if the answer is unknown.
 */
import type { Moment } from '../../time/past.ts';
import type { Recorded } from '../../timeline/recorded.ts';

/** Finds the recorded time nearest to a requested one. */
export type MomentFinder = Pick<Recorded, 'known' | 'knownBefore' | 'find' | 'findBefore'>;

/**
 * The time to play for a request.
 *
 * @param targetMs unix milliseconds
 * @param back this is a step back: a gap is left at its start
 * @param isListed the playlist that plays contains it
 * @returns undefined if nothing is recorded after it
 * @throws ApiError
 */
export async function findPlayableMoment(
  recorded: MomentFinder,
  targetMs: number,
  { back, isListed }: { readonly back: boolean; readonly isListed: boolean },
): Promise<Moment | undefined> {
  const moment = back ? recorded.knownBefore(targetMs) : recorded.known(targetMs);
  if (moment) return moment;
  if (isListed) return { atMs: targetMs };
  return (back ? await recorded.findBefore(targetMs) : undefined) ?? recorded.find(targetMs);
}
