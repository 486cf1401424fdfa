/**
 * Reasons for which an SRT handshake is rejected, with their codes and a sentence for people.
 * In: a code of a handshake, or a name. Out: the other one, and words. Pure.
 * draft-sharabayko-srt-01 4.3 (codes 1000 to 1017); libsrt access_control.h (REJX, 2000 and above).
 */

interface Rejection {
  /** Value of the handshake type field. */
  readonly code: number;
  /** Why, as a clause without a full stop. */
  readonly text: string;
}

/**
 * Reasons by name. The handshake type is 1000 + SRT_REJ_*, or 1000 + SRT_REJX_*, which begin at 1000
 * themselves.
 */
export const srtRejections = {
  unknown: { code: 1000, text: 'the peer gave no reason' },
  system: { code: 1001, text: 'the peer has a system error' },
  peer: { code: 1002, text: 'the peer rejected the connection' },
  resource: { code: 1003, text: 'the peer has no resources for another connection' },
  rogue: { code: 1004, text: 'the handshake is invalid' },
  backlog: { code: 1005, text: 'the peer has too many connections' },
  internal: { code: 1006, text: 'the peer has an internal error' },
  close: { code: 1007, text: 'the peer is closing' },
  version: { code: 1008, text: 'the SRT version is too old: version 1.3 (handshake version 5) or newer is required' },
  'rendezvous-cookie': { code: 1009, text: 'rendezvous mode is not supported' },
  'bad-secret': { code: 1010, text: 'the passphrase is wrong' },
  unsecure: { code: 1011, text: 'one side requires a passphrase and the other has none' },
  'message-api': { code: 1012, text: 'the transmission types differ: live mode is required' },
  congestion: { code: 1013, text: 'the congestion controls differ: live is required' },
  filter: { code: 1014, text: 'packet filters (FEC) are not supported' },
  group: { code: 1015, text: 'connection groups (bonding) are not supported' },
  timeout: { code: 1016, text: 'the peer did not finish the handshake in time' },
  crypto: { code: 1017, text: 'the encryption modes differ: AES-CTR is required' },
  fallback: { code: 2000, text: 'the application of the peer rejected the connection' },
  'key-not-supported': { code: 2001, text: 'a key of the stream id is not supported' },
  'file-path': { code: 2002, text: 'the path is invalid or unknown' },
  'host-not-found': { code: 2003, text: 'the host of the stream id is unknown' },
  'bad-request': { code: 2400, text: 'the stream id is invalid' },
  unauthorized: { code: 2401, text: 'authentication failed' },
  overload: { code: 2402, text: 'the server is overloaded, or the quota is used up' },
  forbidden: { code: 2403, text: 'access is denied' },
  'not-found': { code: 2404, text: 'the stream does not exist' },
  'bad-mode': { code: 2405, text: 'the mode of the stream id is not supported for this stream' },
  unacceptable: { code: 2406, text: 'the requested parameters cannot be met' },
  conflict: { code: 2409, text: 'the stream already has a publisher' },
  'media-not-supported': { code: 2415, text: 'the media type is not supported' },
  locked: { code: 2423, text: 'the stream is locked' },
  'failed-dependency': { code: 2424, text: 'the session that this one depends on has ended' },
  'server-error': { code: 2500, text: 'the server has an internal error' },
  unimplemented: { code: 2501, text: 'the server does not implement the request' },
  gateway: { code: 2502, text: 'the server behind the gateway rejected the connection' },
  unavailable: { code: 2503, text: 'the service is unavailable' },
  'version-not-supported': { code: 2505, text: 'the SRT version is not supported' },
  'no-room': { code: 2507, text: 'the server has no storage left' },
} as const satisfies Record<string, Rejection>;

/** Name of a reason for rejection. */
export type SrtRejectReason = keyof typeof srtRejections;

const byCode = new Map<number, SrtRejectReason>(
  Object.entries(srtRejections).map(([name, { code }]) => [code, name as SrtRejectReason]),
);

/** A handshake type is a rejection from this value on; larger types (from 2^31) are requests. */
const FIRST_CODE = 1000;
const LAST_CODE = 0x7fff_ffff;

/** Whether a handshake type (unsigned 32 bits) is a rejection. */
export function isRejection(type: number): boolean {
  return type >= FIRST_CODE && type <= LAST_CODE;
}

/**
 * The name of a rejection code (handshake type, 1000 and above); undefined for codes that the table lacks.
 */
function rejectionName(code: number): SrtRejectReason | undefined {
  return byCode.get(code);
}

/**
 * Why the peer rejected, as a clause: `access is denied (1403)`. The number is libsrt's, without the offset
 * of 1000.
 */
function describeRejection(code: number): string {
  const name = byCode.get(code);
  const text = name ? srtRejections[name].text : 'the peer rejected the connection';
  return `${text} (${code - FIRST_CODE})`;
}

/** Thrown by `connectSrt` when the peer rejects the handshake, or this side cannot accept its answer. */
export class SrtRejectedError extends Error {
  override readonly name = 'SrtRejectedError';
  /** Handshake type of the rejection, 1000 and above. */
  readonly code: number;
  /** Name of the reason; undefined for codes that the table lacks. */
  readonly reason: SrtRejectReason | undefined;

  constructor(code: number) {
    super(`SRT connection rejected: ${describeRejection(code)}`);
    this.code = code;
    this.reason = rejectionName(code);
  }
}
