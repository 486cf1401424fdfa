/**
 * Packets in pieces as whole datagrams.
 * In: pieces. Out: bytes. Used by tests only. Pure.
 */
import { concatBytes } from '../bytes.ts';
import type { RtpPieces } from './packet.ts';

/** The bytes of a packet. */
export function joinRtp({ header, payload }: RtpPieces): Uint8Array {
  return concatBytes([header, payload]);
}
