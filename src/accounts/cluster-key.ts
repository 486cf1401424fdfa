/**
 * Keys that all nodes of a cluster have, derived from its secret.
 * In: the secret, a use. Out: text. RFC 5869.
 */
import { hkdfSync } from 'node:crypto';

/**
 * The key of a use: 43 characters, base64url.
 *
 * @param secret of the cluster
 * @param use its purpose; the keys of two uses tell nothing about each other
 */
export function clusterKey(secret: string, use: string): string {
  return Buffer.from(hkdfSync('sha256', secret, '', `oxbow cluster ${use}`, 32)).toString('base64url');
}
