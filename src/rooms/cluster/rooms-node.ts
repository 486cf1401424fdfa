/**
 * Which node of a cluster takes a new room, or one that has no owner.
 * In: the nodes. Out: a node. docs/decisions/0055.
 */
import { createHash } from 'node:crypto';
import type { Owner, Placement } from '../../nodes/placement.ts';

/**
 * The node for a room without an owner: this one if it has rooms, so that the room is near the first of its members.
 *
 * @param key id of the room; of a new one anything. Nodes that need a room at the same time choose the same node for it
 * @returns undefined: no node that is alive has rooms
 */
export function nodeForRoom(placement: Pick<Placement, 'others' | 'takes'>, key: string): Owner {
  if (placement.takes('room')) return 'own';
  const weightOf = (name: string) => createHash('sha1').update(`${key} ${name}`).digest('hex');
  const able = placement.others.filter(({ isAlive, roles }) => isAlive && roles.includes('rooms'));
  return able
    .map((node) => ({ node, weight: weightOf(node.name) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1))
    .at(0)?.node;
}
