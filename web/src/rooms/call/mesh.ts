/**
 * The connections of a call of up to four: one to each other participant.
 * In: participants, signals. Out: received tracks. docs/7-together/messages.md.
 */
import type { CallIceServer, CallParticipant } from '../../../../src/api/room/call-shapes.ts';
import type { Failure } from '../../api/client.ts';
import type { Incoming, OwnTracks } from './call-peer.ts';
import { type CallSignal, MeshPeer } from './mesh-peer.ts';

/** How the media of a call travels. */
export interface CallMediaLink {
  readonly incoming: readonly Incoming[];
  readonly connections: readonly RTCPeerConnection[];
  /** Why there is no connection. */
  readonly failure: Failure | null;
  /** The state of the connection over which a participant is heard. */
  isConnected(participant: string): boolean;
  /** Sends the local tracks as they are now. */
  sendTracks(): void;
  close(): void;
}

/** What the connections are created with. */
interface MeshParts {
  /** The id of this participant. */
  readonly own: string;
  readonly iceServers: readonly CallIceServer[];
  readonly tracks: () => OwnTracks;
  readonly send: (to: string, signal: CallSignal) => void;
  readonly changed: () => void;
  /** For tests. */
  readonly createConnection?: (configuration: RTCConfiguration) => RTCPeerConnection;
}

/** All connections of this browser to others. */
export class Mesh implements CallMediaLink {
  readonly #parts: Required<MeshParts>;
  readonly #peers = new Map<string, MeshPeer>();

  constructor(parts: MeshParts) {
    this.#parts = { createConnection: (configuration) => new RTCPeerConnection(configuration), ...parts };
  }

  get incoming(): readonly Incoming[] {
    return [...this.#peers.values()].flatMap(({ incoming }) => incoming);
  }

  get connections(): readonly RTCPeerConnection[] {
    return [...this.#peers.values()].map(({ connection }) => connection);
  }

  /** Connections to other browsers are tried again without end. */
  readonly failure = null;

  isConnected(participant: string): boolean {
    return this.#peers.get(participant)?.connection.connectionState === 'connected';
  }

  /** Connects to new participants, and closes the connections to those who left. */
  update(participants: readonly Pick<CallParticipant, 'id'>[]): void {
    const { own: ownId, iceServers, tracks, send, changed, createConnection } = this.#parts;
    const ids = participants.map(({ id }) => id);
    for (const [id, peer] of this.#peers) {
      if (ids.includes(id)) continue;
      peer.close();
      this.#peers.delete(id);
    }
    for (const other of ids) {
      if (other === ownId || this.#peers.has(other)) continue;
      const peer = new MeshPeer({
        connection: createConnection({ iceServers: [...iceServers] }),
        other,
        tracks,
        changed,
        offers: ids.indexOf(ownId) > ids.indexOf(other),
        polite: ownId < other,
        send: (signal) => send(other, signal),
      });
      this.#peers.set(other, peer);
    }
  }

  /** A signal of another participant; of someone who has left it is ignored. */
  async receive(from: string, signal: CallSignal): Promise<void> {
    await this.#peers.get(from)?.receive(signal);
  }

  sendTracks(): void {
    for (const peer of this.#peers.values()) peer.sendTracks();
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }
}
