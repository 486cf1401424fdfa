/**
 * The one connection of a call that the server forwards: three sources are sent, and the server fills the
 * slots of received tracks. It is opened again until the call is left.
 * In: the room, the table of slots. Out: received tracks. docs/7-together/messages.md.
 */
import {
  type CallIceServer,
  type CallSlot,
  MAX_CALL,
  MAX_CALL_PICTURES,
} from '../../../../src/api/room/call-shapes.ts';
import { type Failure, failureOf } from '../../api/client.ts';
import { pause } from '../../api/poll.ts';
import { serverFor } from '../../api/server.ts';
import { connected, lost, openSession } from '../../webrtc/signaling.ts';
import { type Incoming, kindOf, limitCodecs, type OwnTracks, sendTrack, sources } from './call-peer.ts';
import type { CallMediaLink } from './mesh.ts';

/** What it is created with. */
interface ForwardedParts {
  readonly room: string;
  /** The id of this participant. */
  readonly own: string;
  /** For networks that block UDP. */
  readonly iceServers: readonly CallIceServer[];
  readonly tracks: () => OwnTracks;
  readonly changed: () => void;
}

/** First and longest pause before the next attempt, milliseconds. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** The transceivers of a new connection, in the order that the server expects. */
export function addTransceivers(connection: Pick<RTCPeerConnection, 'addTransceiver'>): readonly RTCRtpSender[] {
  const add = (kind: 'audio' | 'video', direction: 'sendonly' | 'recvonly') => {
    const transceiver = connection.addTransceiver(kind, { direction });
    limitCodecs(transceiver, kind);
    return transceiver.sender;
  };
  const senders = sources.map((source) => add(kindOf(source), 'sendonly'));
  for (let at = 1; at < MAX_CALL; at++) add('audio', 'recvonly');
  for (let at = 0; at < MAX_CALL_PICTURES; at++) add('video', 'recvonly');
  return senders;
}

/** What the slots of a connection receive at present. */
export function incomingOf(
  slots: readonly CallSlot[],
  transceivers: readonly Pick<RTCRtpTransceiver, 'mid' | 'receiver'>[],
): readonly Incoming[] {
  const byMid = new Map(transceivers.map(({ mid, receiver }) => [mid, receiver]));
  return slots.flatMap(({ mid, participant, source }) => {
    const receiver = byMid.get(mid);
    return receiver ? [{ from: participant, source, receiver }] : [];
  });
}

/** A connection to the server; `close` ends it. */
export class Forwarded implements CallMediaLink {
  readonly #parts: ForwardedParts;
  readonly #ends = new AbortController();
  #connection: RTCPeerConnection | null = null;
  #senders: readonly RTCRtpSender[] = [];
  #slots: readonly CallSlot[] = [];
  #failure: Failure | null = null;

  constructor(parts: ForwardedParts) {
    this.#parts = parts;
    void this.#keep();
  }

  get incoming(): readonly Incoming[] {
    return incomingOf(this.#slots, this.#connection?.getTransceivers() ?? []);
  }

  get connections(): readonly RTCPeerConnection[] {
    return this.#connection ? [this.#connection] : [];
  }

  /** Why the last attempt failed. */
  get failure(): Failure | null {
    return this.#failure;
  }

  isConnected(): boolean {
    return this.#connection?.connectionState === 'connected';
  }

  /** The server says what the slots receive. */
  assign(slots: readonly CallSlot[]): void {
    this.#slots = slots;
    this.#parts.changed();
  }

  sendTracks(): void {
    const tracks = this.#parts.tracks();
    for (const [at, sender] of this.#senders.entries()) {
      const source = sources[at]!;
      if (sender.track !== tracks[source]) void sendTrack(sender, source, tracks[source], 'forwarded');
    }
  }

  close(): void {
    this.#ends.abort();
  }

  async #keep(): Promise<void> {
    const { signal } = this.#ends;
    for (let failed = 0; !signal.aborted; failed++) {
      try {
        await this.#connect(signal);
        failed = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failure = failureOf(error);
      }
      this.#parts.changed();
      await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failed), signal);
    }
  }

  /** Resolves when the connection is lost. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { room, own: ownId, iceServers, changed } = this.#parts;
    const connection = new RTCPeerConnection({ iceServers: [...iceServers] });
    this.#connection = connection;
    this.#senders = addTransceivers(connection);
    this.sendTracks();
    connection.addEventListener('connectionstatechange', changed);
    try {
      const path = `/api/v1/rooms/${encodeURIComponent(room)}/call/${encodeURIComponent(ownId)}`;
      await openSession(connection, { url: serverFor('') + path, token: '', signal });
      changed();
      await connected(connection, signal);
      this.#failure = null;
      await lost(connection, signal);
    } finally {
      // The server ends its side when the call is left, or with the next offer.
      connection.removeEventListener('connectionstatechange', changed);
      connection.close();
    }
  }
}
