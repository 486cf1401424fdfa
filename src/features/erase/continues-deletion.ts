/**
 * Which node continues a deletion.
 * In: the id of its stream, owners of streams. Out: whether this node does it.
 */
import { type Placement, roleFor } from '../../cluster/placement/placement.ts';

/** What decides it. */
interface DeletionOwners {
  /** The name of a stream; undefined: it was removed. */
  nameOf(streamId: string): Promise<string | undefined>;
  readonly placement: Pick<Placement, 'node' | 'others' | 'takes' | 'find'>;
}

/**
 * Whether this node continues the deletions of a stream: its owner does. Of a removed stream only files and
 * copies are left, which every node reaches: of those that run and could own it, the first by name does it.
 */
export async function continuesDeletion(streamId: string, { nameOf, placement }: DeletionOwners): Promise<boolean> {
  const name = await nameOf(streamId);
  if (name !== undefined) return placement.find('stream', name) === 'own';
  const able = placement.others.filter(({ isAlive, roles }) => isAlive && roles.includes(roleFor.stream));
  return placement.takes('stream') && able.every((other) => placement.node < other.name);
}
