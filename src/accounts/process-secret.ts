/**
 * A secret that this process shares with a child process: it is stored nowhere and ends with the process. In
 * a cluster it is the same on all nodes, because they pass requests of their workers on.
 * In: the secret of the cluster, if there is one. Out: the secret, and its check.
 */
import { timingSafeEqual } from 'node:crypto';
import { clusterKey } from './cluster-key.ts';
import { createSecret, digestOf } from './random-secret.ts';

export interface ProcessSecret {
  readonly secret: string;
  /** Whether the text is the secret. Compares in constant time. */
  matches(text: string): boolean;
}

/** Creates a secret. @param clusterSecret of the cluster; empty or undefined: there is none */
export function createProcessSecret(clusterSecret?: string): ProcessSecret {
  const secret = `ow_${clusterSecret ? clusterKey(clusterSecret, 'own worker') : createSecret(32)}`;
  const expected = Buffer.from(digestOf(secret));
  return { secret, matches: (text) => timingSafeEqual(Buffer.from(digestOf(text)), expected) };
}
