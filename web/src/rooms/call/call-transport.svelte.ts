/**
 * How the media of a call travels: over direct connections or over the server, as the call says.
 * In: the call, signals and slots of the room, the local tracks. Out: received tracks, the state of the
 * connections.
 */
import type { CallIceServer, CallParticipant, RoomCall } from '../../../../src/api/room/call-shapes.ts';
import type { CallNews } from '../session/call-signaling.ts';
import type { Incoming, OwnTracks } from './call-peer.ts';
import { Forwarded } from './forwarded.ts';
import { type CallMediaLink, Mesh } from './mesh.ts';
import type { CallSignal } from './mesh-peer.ts';

/** What the connections are created with. */
interface TransportParts {
  /** Id of the room. */
  readonly room: string;
  readonly participants: () => readonly CallParticipant[];
  readonly tracks: () => OwnTracks;
  /** Sends a signal to another participant. */
  readonly send: (to: string, signal: CallSignal) => void;
}

/** The answer of the room to this participant. */
interface Joined {
  /** The id of this participant. */
  readonly own: string;
  readonly iceServers: readonly CallIceServer[];
}

/** The connections of one call after the other; `close` ends those of the present call. */
export class CallTransport {
  incoming = $state.raw<readonly Incoming[]>([]);
  /** Ids of participants. */
  connected = $state.raw<ReadonlySet<string>>(new Set());
  /** Why the server cannot be reached; null: it is, or is not needed. */
  failure = $state.raw<string | null>(null);
  readonly #parts: TransportParts;
  #link: CallMediaLink | null = null;

  constructor(parts: TransportParts) {
    this.#parts = parts;
  }

  get connections(): readonly RTCPeerConnection[] {
    return this.#link?.connections ?? [];
  }

  /** Connects as the call says, or follows its participants. */
  connect({ mode, participants }: RoomCall, joined: Joined): void {
    const { room, tracks, send } = this.#parts;
    const parts = { ...joined, tracks, changed: () => this.#changed() };
    if (mode === 'forwarded') {
      if (this.#link instanceof Forwarded) return;
      this.close();
      this.#link = new Forwarded({ ...parts, room });
    } else {
      const mesh = this.#link instanceof Mesh ? this.#link : new Mesh({ ...parts, send });
      this.#link = mesh;
      mesh.update(participants);
    }
    this.#changed();
  }

  /** Passes on what is for the connections; news of another kind of call are ignored. */
  receive(news: Extract<CallNews, { t: 'call-signal' | 'call-slots' }>): void {
    if (news.t === 'call-signal') {
      if (this.#link instanceof Mesh) void this.#link.receive(news.from, news.signal);
    } else if (this.#link instanceof Forwarded) this.#link.assign(news.slots);
  }

  /** Sends the local tracks as they are now. */
  sendTracks(): void {
    this.#link?.sendTracks();
  }

  close(): void {
    this.#link?.close();
    this.#link = null;
    this.#changed();
  }

  #changed(): void {
    const link = this.#link;
    this.incoming = link?.incoming ?? [];
    this.failure = link?.failure?.code ?? null;
    const isConnected = ({ id }: CallParticipant) => link?.isConnected(id);
    this.connected = new Set(
      this.#parts
        .participants()
        .filter(isConnected)
        .map(({ id }) => id),
    );
  }
}
