/**
 * Secrets of a DTLS 1.2 connection.
 * In: the shared secret and the transcript. Out: master secret, record keys, verify data, exported keys.
 * RFC 5246 5 and 6.3, RFC 7627 (extended master secret), RFC 5705 (exporter).
 */
import { createHash, createHmac } from 'node:crypto';
import type { RecordKeys } from './record.ts';

/** The pseudorandom function of TLS 1.2 with SHA-256, RFC 5246 5. */
function pseudoRandom(secret: Uint8Array, label: string, seed: Uint8Array, bytes: number): Buffer {
  const hmac = (input: Uint8Array) => createHmac('sha256', secret).update(input).digest();
  const labelled = Buffer.concat([Buffer.from(label, 'latin1'), seed]);
  let round = labelled;
  const output: Buffer[] = [];
  for (let length = 0; length < bytes; length += 32) {
    round = hmac(round);
    output.push(hmac(Buffer.concat([round, labelled])));
  }
  return Buffer.concat(output).subarray(0, bytes);
}

/** Random values of both sides, 32 bytes each. */
export interface Randoms {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/**
 * The master secret, 48 bytes.
 *
 * @param sessionHash SHA-256 of the transcript up to ClientKeyExchange if both sides support RFC 7627,
 *   otherwise undefined
 */
export function masterSecret(shared: Uint8Array, randoms: Randoms, sessionHash: Uint8Array | undefined): Buffer {
  return sessionHash
    ? pseudoRandom(shared, 'extended master secret', sessionHash, 48)
    : pseudoRandom(shared, 'master secret', Buffer.concat([randoms.client, randoms.server]), 48);
}

/** Record keys of both directions, for AES-128-GCM. */
export function recordKeys(master: Uint8Array, randoms: Randoms): { client: RecordKeys; server: RecordKeys } {
  const block = pseudoRandom(master, 'key expansion', Buffer.concat([randoms.server, randoms.client]), 40);
  return {
    client: { key: block.subarray(0, 16), salt: block.subarray(32, 36) },
    server: { key: block.subarray(16, 32), salt: block.subarray(36, 40) },
  };
}

/** The content of Finished, 12 bytes, RFC 5246 7.4.9. */
export function verifyData(master: Uint8Array, from: 'client' | 'server', transcript: Uint8Array): Buffer {
  return pseudoRandom(master, `${from} finished`, createHash('sha256').update(transcript).digest(), 12);
}

/** Key material for another protocol, RFC 5705 4, without a context. */
export function exportKeys(master: Uint8Array, randoms: Randoms, label: string, bytes: number): Buffer {
  return pseudoRandom(master, label, Buffer.concat([randoms.client, randoms.server]), bytes);
}
