/**
 * Which database has the row of a file in a bucket: a file of a recording belongs to its stream, everything
 * else to the catalogue.
 * In: locations. Out: ids of streams; locations by stream. docs/decisions/0102.
 */

/** The id of the stream of a location or prefix; undefined: it is of no stream. */
export function streamOfLocation(location: string): string | undefined {
  return /^recordings\/([^/]+)\//.exec(location)?.[1];
}

/** Bounds of the locations of a stream, by code units: at or after `from`, before `to`. */
export function locationsOfStream(streamId: string): { readonly from: string; readonly to: string } {
  return { from: `recordings/${streamId}/`, to: `recordings/${streamId}0` };
}

/** Locations by the id of their stream; undefined: of no stream. */
export function byStream(locations: readonly string[]): ReadonlyMap<string | undefined, readonly string[]> {
  const groups = new Map<string | undefined, string[]>();
  for (const location of locations) {
    const streamId = streamOfLocation(location);
    const group = groups.get(streamId);
    if (group) group.push(location);
    else groups.set(streamId, [location]);
  }
  return groups;
}
