/**
 * What a node of a cluster owns, in words, and whether it needs attention.
 * In: nodes of the API. Out: one line. Pure.
 */
import type { ClusterNodeView } from '../../../../src/api/nodes/node-shapes.ts';
import type { TextKey } from '../../text/text.ts';

/** Texts of the numbers, in their order. */
const counted: Readonly<Record<keyof ClusterNodeView['owns'], TextKey>> = {
  streams: 'node.streams',
  rooms: 'node.rooms',
  assets: 'node.assets',
  uploads: 'node.uploads',
};

/** The things that a node owns, counted by kind; empty if it owns nothing. */
export function ownedText(
  owns: ClusterNodeView['owns'],
  t: (key: TextKey, values: Readonly<Record<string, number>>) => string,
): string {
  return (Object.entries(counted) as [keyof typeof owns, TextKey][])
    .filter(([kind]) => owns[kind] > 0)
    .map(([kind, key]) => t(key, { count: owns[kind] }))
    .join(' · ');
}

/** Whether no node runs the things that it owns. */
export function isStranded({ state, owns }: Pick<ClusterNodeView, 'state' | 'owns'>): boolean {
  return state === 'dead' && Object.values(owns).some((count) => count > 0);
}
