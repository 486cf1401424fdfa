/**
 * Which page of a swarm loads a segment from the server: each chooses by the same rule among itself and its
 * peers, so that one does and the others wait for it.
 * In: ids of peers, the number of a segment. Out: yes or no. Pure. FNV-1a.
 */

/** A number that depends on every letter of a peer's id and on the segment. */
function rank(peer: string, msn: number): number {
  let hash = 0x811c9dc5;
  for (const letter of `${msn} ${peer}`) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  // The last letters would else hardly matter for the highest bits.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Whether `own` loads the segment: it has the lowest rank. True for a page without peers. */
export function isElected(own: string, peers: readonly string[], msn: number): boolean {
  const least = rank(own, msn);
  return peers.every((peer) => {
    const other = rank(peer, msn);
    return other > least || (other === least && peer > own);
  });
}
