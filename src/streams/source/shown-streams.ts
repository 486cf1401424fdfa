/**
 * Streams made of other live streams: a loop of them would send the same frames round and round.
 * In: features that make such streams. Out: whether a stream reaches another one. Pure.
 */

/** Ids of the streams that a stream shows live, now or by its schedule; of one feature. */
export type ShownStreams = (streamId: string) => Iterable<string>;

/** Whether a stream shows `target` live, itself or by streams between them; a stream shows itself. */
export function reaches(streamId: string, target: string, features: Iterable<ShownStreams>): boolean {
  const reached = new Set([streamId]);
  for (const id of reached) {
    if (id === target) return true;
    for (const shown of features) for (const next of shown(id)) reached.add(next);
  }
  return false;
}
