/**
 * Which recorded moment a wish means, asked of what is known first.
 * In: a wish. Out: a moment to play. The server is asked only where nothing else tells.
 */
import type { Moment } from '../timeline/past.ts';
import type { Recorded } from '../timeline/recorded.ts';

/** Finds moments. */
export type Moments = Pick<Recorded, 'known' | 'knownBefore' | 'find' | 'findBefore'>;

/**
 * The moment to play for a wish.
 *
 * @param wishedMs unix milliseconds
 * @param back this is a step back: a hole is left at its start
 * @param isListed the list that plays has it
 * @returns undefined where nothing is recorded from there on
 * @throws ApiError
 */
export async function findMoment(
  recorded: Moments,
  wishedMs: number,
  { back, isListed }: { readonly back: boolean; readonly isListed: boolean },
): Promise<Moment | undefined> {
  const known = back ? recorded.knownBefore(wishedMs) : recorded.known(wishedMs);
  if (known) return known;
  if (isListed) return { atMs: wishedMs };
  return (back ? await recorded.findBefore(wishedMs) : undefined) ?? recorded.find(wishedMs);
}
