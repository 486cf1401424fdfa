/**
 * The connection of one participant to the server: its sources come in, its slots go out.
 * In: an offer, packets of the participant, packets for its slots. Out: packets of its sources; feedback to
 * the participant. RFC 3550, RFC 4585 (NACK, PLI), RFC 5104 (FIR); docs/7-together/messages.md.
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import type { ForwardSlot } from '@oxbow/media/rtp/forward/forward-slot';
import type { ForwardPacket } from '@oxbow/media/rtp/forward/forward-source';
import { VideoAllowance } from '@oxbow/media/rtp/forward/video-allowance';
import { parseRtp, type RtpPacket } from '@oxbow/media/rtp/packet';
import { Feedback } from '@oxbow/media/rtp/receive/feedback';
import { parseRtcp, type RtcpPacket } from '@oxbow/media/rtp/rtcp';
import type { WebRtcDescription } from '@oxbow/media/sdp/webrtc-description';
import type { WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import type { IceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import type { Peer } from '@oxbow/wire/webrtc/peer';
import { MAX_CALL_PICTURES } from '../../../../api/room/call-shapes.ts';
import type { Clock } from '../../../../lib/clock.ts';
import type { AcceptedCall, AcceptedSource } from './accept-call.ts';
import type { AssignedSource } from './assign-slots.ts';

/** SSRCs that are remembered beyond those of the offer; the oldest are forgotten. */
const MAX_LEARNED = 16;

/** A slot with its assigned source. */
export interface ConnectionSlot {
  readonly slot: ForwardSlot;
  assigned: AssignedSource | undefined;
}

/** Dependencies of a connection. */
interface CallConnectionSetup {
  readonly endpoint: WebRtcEndpoint;
  readonly offer: WebRtcDescription;
  readonly accepted: AcceptedCall;
  readonly local: IceCredentials;
  readonly clock: Clock;
  connected(): void;
  packet(from: AcceptedSource, packet: ForwardPacket, nowMs: number): void;
  senderReport(from: AcceptedSource, report: Extract<RtcpPacket, { type: 'senderReport' }>): void;
  /** Its end, unless `close` was called. */
  closed(reason: string): void;
}

export class CallConnection {
  /** Role in DTLS, as the answer says it. */
  readonly setup: 'active' | 'passive';
  readonly sources: readonly AcceptedSource[];
  readonly slots: readonly ConnectionSlot[];
  readonly #setup: CallConnectionSetup;
  readonly #peer: Peer;
  readonly #feedback = new Feedback({ ssrc: randomBytes(4).readUInt32BE(), name: 'oxbow', reducedSize: true });
  readonly #tracks: readonly { readonly input: AcceptedSource['source']; readonly canRequestKey: boolean }[];
  readonly #bySsrc = new Map<number, AcceptedSource>();
  readonly #learned: number[] = [];
  readonly #allowance = new VideoAllowance(MAX_CALL_PICTURES);

  /** @throws EndpointFull */
  constructor(setup: CallConnectionSetup) {
    const { endpoint, offer, accepted, local } = setup;
    this.#setup = setup;
    this.setup = offer.setup === 'passive' ? 'active' : 'passive';
    this.sources = accepted.sources;
    this.slots = accepted.slots.map((slot) => ({ slot, assigned: undefined }));
    this.#tracks = accepted.sources.map(({ source }) => ({ input: source, canRequestKey: source.kind === 'video' }));
    for (const source of accepted.sources) for (const ssrc of source.announced) this.#bySsrc.set(ssrc, source);
    this.#peer = endpoint.openPeer({
      role: 'answer',
      dtls: this.setup === 'active' ? 'client' : 'server',
      local,
      remote: offer,
      onConnected: () => setup.connected(),
      onPacket: (packet) => this.#receive(packet),
      onReport: (packet) => this.#receiveReport(packet),
      onClosed: (reason) => setup.closed(reason ?? 'the participant ended it'),
    });
  }

  /** Forwards a packet in one of its slots. @returns whether it was sent */
  forward({ slot }: ConnectionSlot, packet: ForwardPacket, nowMs: number): boolean {
    if (!this.#peer.isConnected) return false;
    const pieces = slot.forward(packet, nowMs);
    if (pieces) this.#peer.send(pieces);
    return pieces !== undefined;
  }

  /** Passes on the report of the source of a slot. */
  report({ slot }: ConnectionSlot, report: Extract<RtcpPacket, { type: 'senderReport' }>): void {
    const bytes = slot.report(report);
    if (bytes) this.#peer.sendReport(bytes);
  }

  /** Sends feedback that is due; pauses pictures that its network does not carry. */
  tick(nowMs: number): void {
    if (!this.#peer.isConnected) return;
    for (const bytes of this.#feedback.take(this.#tracks, nowMs)) this.#peer.sendReport(bytes);
    const sent = this.slots.filter(({ slot }) => slot.kind === 'video' && slot.source && !slot.isPaused).length;
    if (this.#allowance.tick(sent, nowMs)) this.pause();
  }

  /**
   * Pauses pictures beyond the allowance: cameras first, screens last. Returns how many are paused.
   */
  pause(): number {
    const shown = this.slots.filter(({ slot, assigned }) => slot.kind === 'video' && assigned !== undefined);
    shown.sort((a, b) => Number(b.assigned!.source === 'screen') - Number(a.assigned!.source === 'screen'));
    for (const [index, { slot }] of shown.entries()) slot.isPaused = index >= this.#allowance.allowed;
    return Math.max(0, shown.length - this.#allowance.allowed);
  }

  /** Ends it. */
  close(): void {
    this.#peer.close();
  }

  #receive(datagram: Uint8Array): void {
    const nowMs = this.#setup.clock.monotonicMs();
    const packet = read(() => parseRtp(datagram));
    const from = packet && this.#sourceOf(packet);
    if (!packet || !from) return;
    const { transportExtension } = this.#setup.accepted;
    const number = transportExtension === undefined ? undefined : packet.extensions?.get(transportExtension);
    if (number?.length === 2) this.#feedback.transport.arrived((number[0]! << 8) | number[1]!, nowMs);
    const forwarded = from.source.push(packet, nowMs);
    if (!forwarded) return;
    if (forwarded.isEntry && from.source.needsKey) {
      from.source.needsKey = false;
      this.#feedback.keyArrived(from.source);
    }
    this.#setup.packet(from, forwarded, nowMs);
  }

  #sourceOf({ ssrc, extensions }: RtpPacket): AcceptedSource | undefined {
    const source = this.#bySsrc.get(ssrc);
    if (source) return source;
    const { midExtension } = this.#setup.accepted;
    const value = midExtension === undefined ? undefined : extensions?.get(midExtension);
    const mid = value && String.fromCharCode(...value);
    const byMid = this.sources.find((candidate) => candidate.mid === mid);
    if (!byMid) return undefined;
    this.#bySsrc.set(ssrc, byMid);
    this.#learned.push(ssrc);
    if (this.#learned.length > MAX_LEARNED) this.#bySsrc.delete(this.#learned.shift()!);
    return byMid;
  }

  #receiveReport(datagram: Uint8Array): void {
    const nowMs = this.#setup.clock.monotonicMs();
    for (const packet of read(() => parseRtcp(datagram)) ?? []) {
      if (packet.type === 'senderReport') {
        const from = this.sources.find(({ source }) => source.source === packet.ssrc);
        from?.source.report(packet, nowMs);
        if (from) this.#setup.senderReport(from, packet);
      }
      if (packet.type === 'senderReport' || packet.type === 'receiverReport') {
        for (const { ssrc, lossRate } of packet.reports) if (this.#slotOf(ssrc)) this.#allowance.report(lossRate);
      }
      if (packet.type === 'nack') {
        for (const pieces of this.#slotOf(packet.source)?.resend(packet.sequences) ?? []) this.#peer.send(pieces);
      }
      if (packet.type === 'pictureLoss' || packet.type === 'fullIntra') {
        const source = this.#slotOf(packet.source)?.source;
        if (source) source.needsKey = true;
      }
    }
  }

  #slotOf(ssrc: number): ForwardSlot | undefined {
    return this.slots.find(({ slot }) => slot.ssrc === ssrc)?.slot;
  }
}

/** The result of a parser; undefined of malformed bytes. */
function read<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
