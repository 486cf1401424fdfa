/**
 * Parameters that both sides of a handshake must agree on.
 * In: the handshake of a peer. Out: a reason to reject it, or the agreed parameters. Pure.
 * draft-sharabayko-srt-01 3.2.1.1, 4.3.1.
 */
import { type Handshake, type SrtParameters, srtFlag } from '../packet/handshake.ts';
import type { SrtRejectReason } from '../rejection.ts';

/** The version of SRT whose behavior this implementation has: 1.5.0. */
const SRT_VERSION = 0x010500;
/** The first version with handshake version 5: 1.3.0. */
const LEAST_VERSION = 0x010300;

/** Flags that this side sends: live mode, both directions. */
const OWN_FLAGS =
  srtFlag.tsbpdSender |
  srtFlag.tsbpdReceiver |
  srtFlag.encryption |
  srtFlag.tooLateDrop |
  srtFlag.periodicNak |
  srtFlag.retransmitFlag;

/** MTU of handshakes: an Ethernet frame, bytes. */
export const MTU = 1500;

/** Defaults of the options of both sides. */
export const defaults = {
  latencyMs: 120,
  maxPackets: 8192,
  maxBytes: 12 * 1024 * 1024,
  idleMs: 5000,
  maxConnections: 25,
  connectMs: 3000,
} as const;

/** The result of the negotiation. */
interface Agreement {
  /** Latency in the direction in which this side receives, and sends, ms. */
  readonly receiveLatencyMs: number;
  readonly sendLatencyMs: number;
  readonly hasPeriodicNak: boolean;
}

/** Why the extensions of a conclusion cannot be accepted; undefined if they can. */
export function refuseConclusion(handshake: Handshake): SrtRejectReason | undefined {
  if (handshake.version !== 5) return 'version';
  const { parameters, congestion } = handshake;
  if (handshake.group) return 'group';
  if (!parameters) return 'rogue';
  if (parameters.version < LEAST_VERSION) return 'version';
  if (parameters.flags & srtFlag.stream) return 'message-api';
  if (congestion !== undefined && congestion !== 'live') return 'congestion';
  if (handshake.filter !== undefined || parameters.flags & srtFlag.packetFilter) {
    // libsrt sets the flag whenever it was built with filters; only a configured filter has the extension.
    if (handshake.filter) return 'filter';
  }
  return undefined;
}

/**
 * Latency and abilities of a connection: in each direction, the larger latency of both sides applies.
 *
 * @param latencyMs latency of this side, ms
 */
export function agree(peer: SrtParameters, latencyMs: number): Agreement {
  return {
    receiveLatencyMs: Math.max(latencyMs, peer.sendLatencyMs),
    sendLatencyMs: Math.max(latencyMs, peer.receiveLatencyMs),
    hasPeriodicNak: (peer.flags & srtFlag.periodicNak) !== 0,
  };
}

/** The parameters that this side answers or requests. */
export function ownParameters(receiveLatencyMs: number, sendLatencyMs: number): SrtParameters {
  return { version: SRT_VERSION, flags: OWN_FLAGS, receiveLatencyMs, sendLatencyMs };
}

/** An IP address as the 16 bytes of a handshake: each word in little-endian order, as libsrt writes it. */
export function printPeerAddress(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const parts = address
    .replace(/^::ffff:/, '')
    .split('.')
    .map(Number);
  // IPv6 addresses are left 0: no implementation reads the field.
  if (parts.length === 4 && parts.every((part) => part >= 0 && part <= 255)) bytes.set(parts.reverse());
  return bytes;
}
