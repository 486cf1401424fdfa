/**
 * Forwards the media of one call: each participant sends its sources once, and gets those of the others in
 * slots.
 * In: participants, their offers. Out: answers, packets between connections, tables of slots.
 * docs/decisions/0048-one-connection-with-slots.md, docs/7-together/messages.md.
 */

import type { ForwardPacket } from '@oxbow/media/rtp/forward/forward-source';
import type { RtcpPacket } from '@oxbow/media/rtp/rtcp';
import { createIceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import type { CallParticipant, CallSlot } from '../../../../api/room/call-shapes.ts';
import { readOffer } from '../../../../ingest/webrtc/webrtc-transport.ts';
import { OxbowError } from '../../../../lib/errors.ts';
import type { CallParts } from '../call-parts.ts';
import { type AcceptedSource, acceptCall } from './accept-call.ts';
import { assignSlots } from './assign-slots.ts';
import { CallConnection, type ConnectionSlot } from './call-connection.ts';

/** Interval of feedback, ms. */
const TICK_MS = 20;

/** Where packets of a source go. */
interface Receiver {
  readonly connection: CallConnection;
  readonly slot: ConnectionSlot;
}

/** The connections of one call. */
export class Forwarder implements Disposable {
  readonly #parts: CallParts;
  readonly #room: string;
  readonly #sendSlots: (participant: string, slots: readonly CallSlot[]) => void;
  readonly #connections = new Map<string, CallConnection>();
  readonly #receivers = new Map<AcceptedSource, Receiver[]>();
  #participants: readonly CallParticipant[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param sendSlots passes the table of slots to a participant */
  constructor(parts: CallParts, room: string, sendSlots: (participant: string, slots: readonly CallSlot[]) => void) {
    this.#parts = parts;
    this.#room = room;
    this.#sendSlots = sendSlots;
  }

  /** Pictures that are not sent because the network of a receiver does not carry them. */
  get paused(): number {
    let paused = 0;
    for (const { slots } of this.#connections.values()) for (const { slot } of slots) if (slot.isPaused) paused++;
    return paused;
  }

  /** The call has changed. */
  update(participants: readonly CallParticipant[]): void {
    this.#participants = participants;
    for (const id of [...this.#connections.keys()])
      if (!participants.some((participant) => participant.id === id)) this.close(id);
    this.#assign();
  }

  /**
   * Opens the connection of a participant; it replaces the one before.
   *
   * @param text the offer @param reachedAt address of this computer on which the client reached HTTP
   * @returns the answer
   * @throws OxbowError `webrtc-off`, `not-ready`, `webrtc-full`, `bad-offer`, `offer-refused`
   */
  open(participant: string, text: string, reachedAt: string | undefined): string {
    const { clock, log } = this.#parts;
    const transport = this.#parts.transport();
    const offer = readOffer(text);
    const accepted = acceptCall(offer.media, this.#parts.stats);
    this.#remove(participant);
    const { endpoint } = transport;
    if (!endpoint.hasSharedRoom) throw new OxbowError('webrtc-full', 'There are too many WebRTC sessions.');
    const local = createIceCredentials();
    const facts = { room: this.#room, participant };
    const connection = new CallConnection({
      endpoint,
      offer,
      accepted,
      local,
      clock,
      connected: () => log.debug(facts, 'a participant of a call is connected'),
      packet: (from, packet, nowMs) => this.#forward(from, packet, nowMs),
      senderReport: (from, report) => this.#report(from, report),
      closed: (reason) => {
        log.info({ ...facts, reason }, 'the connection of a participant of a call has ended');
        if (this.#connections.get(participant) === connection) this.close(participant);
      },
    });
    this.#connections.set(participant, connection);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
    this.#assign(participant);
    return transport.print(accepted.media, reachedAt, { ...local, setup: connection.setup });
  }

  /** Ends the connection of a participant, if there is one. */
  close(participant: string): void {
    this.#remove(participant);
    this.#assign();
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends all connections. May be called twice. */
  [Symbol.dispose](): void {
    for (const id of [...this.#connections.keys()]) this.close(id);
  }

  #remove(participant: string): void {
    const connection = this.#connections.get(participant);
    this.#connections.delete(participant);
    connection?.close();
  }

  /**
   * Assigns the slots of all connections.
   * @param opened this participant has a new connection and gets its table in any case
   */
  #assign(opened?: string): void {
    this.#receivers.clear();
    for (const [id, connection] of this.#connections) {
      const now = connection.slots.map(({ slot: { kind }, assigned }) => ({ kind, assigned }));
      let isChanged = id === opened;
      for (const [at, assigned] of assignSlots(now, this.#participants, id).entries()) {
        const each = connection.slots[at]!;
        if (assigned?.participant !== each.assigned?.participant || assigned?.source !== each.assigned?.source)
          isChanged = true;
        each.assigned = assigned;
        const sources = assigned && this.#connections.get(assigned.participant)?.sources;
        const from = sources?.find(({ name }) => name === assigned?.source);
        each.slot.assign(from?.source);
        if (!from) continue;
        const receivers = this.#receivers.get(from) ?? [];
        receivers.push({ connection, slot: each });
        this.#receivers.set(from, receivers);
      }
      connection.pause();
      if (isChanged) this.#sendSlots(id, tableOf(connection));
    }
  }

  #forward(from: AcceptedSource, packet: ForwardPacket, nowMs: number): void {
    const { stats } = this.#parts;
    for (const { connection, slot } of this.#receivers.get(from) ?? []) {
      if (connection.forward(slot, packet, nowMs)) stats.forwarded++;
    }
  }

  #report(from: AcceptedSource, report: Extract<RtcpPacket, { type: 'senderReport' }>): void {
    for (const { connection, slot } of this.#receivers.get(from) ?? []) connection.report(slot, report);
  }

  #tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [{ source }, receivers] of this.#receivers)
      if (receivers.some(({ slot }) => slot.slot.waitsForKey)) source.needsKey = true;
    for (const connection of this.#connections.values()) connection.tick(nowMs);
  }
}

function tableOf({ slots }: CallConnection): CallSlot[] {
  return slots.flatMap(({ slot: { mid }, assigned }) => (assigned ? [{ mid, ...assigned }] : []));
}
