/**
 * The connection to the browser of one other participant. The one that joined later makes the first offer,
 * with one media description for each source, so that cameras and screens are turned on and off without
 * another offer; later offers, after a change of network, may come from either side.
 * In: signals of the other one. Out: signals to them, received tracks. W3C webrtc-pc 10.7 (perfect
 * negotiation).
 */
import type { ClientMessageOf } from '../../../../src/api/room/messages.ts';
import { type Incoming, kindOf, limitCodecs, type OwnTracks, sendTrack, sources, withoutSilence } from './call-peer.ts';

/** What one browser says to another. */
export type CallSignal = ClientMessageOf<'call-signal'>['signal'];

/** What a connection is created with. */
interface MeshPeerParts {
  readonly connection: RTCPeerConnection;
  /** The other participant. */
  readonly other: string;
  /** This side makes the first offer. */
  readonly offers: boolean;
  /** When both make an offer at the same time, this side drops its own. */
  readonly polite: boolean;
  readonly tracks: () => OwnTracks;
  readonly send: (signal: CallSignal) => void;
  /** Something else is received, or the state is another one. */
  readonly changed: () => void;
}

/** A connection to another participant; `close` ends it. */
export class MeshPeer {
  readonly connection: RTCPeerConnection;
  readonly #parts: MeshPeerParts;
  #isOffering = false;
  #isAnswered = false;
  #ignores = false;

  constructor(parts: MeshPeerParts) {
    const { connection } = parts;
    this.connection = connection;
    this.#parts = parts;
    connection.onnegotiationneeded = () => void this.#offer();
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate) return;
      const { candidate: text, sdpMid, sdpMLineIndex, usernameFragment } = candidate;
      parts.send({ candidate: { candidate: text, sdpMid, sdpMLineIndex, usernameFragment } });
    };
    connection.ontrack = () => parts.changed();
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === 'failed') connection.restartIce();
      parts.changed();
    };
    if (!parts.offers) return;
    for (const source of sources) {
      const kind = kindOf(source);
      limitCodecs(connection.addTransceiver(kind, { direction: 'sendrecv' }), kind);
    }
    this.sendTracks();
  }

  /** Received tracks, by source. */
  get incoming(): readonly Incoming[] {
    return this.connection
      .getTransceivers()
      .slice(0, sources.length)
      .map(({ receiver }, at) => ({ from: this.#parts.other, source: sources[at]!, receiver }));
  }

  /** Sends the tracks as they are now. */
  sendTracks(): void {
    const tracks = this.#parts.tracks();
    for (const [at, { sender }] of this.connection.getTransceivers().entries()) {
      const source = sources[at];
      if (source && sender.track !== tracks[source]) void sendTrack(sender, source, tracks[source], 'mesh');
    }
  }

  /**
   * Takes a signal of the other one. What cannot be applied is ignored: the connection then fails, and begins
   * again.
   */
  async receive({ description, candidate }: CallSignal): Promise<void> {
    try {
      if (description) await this.#describe(description);
      else if (candidate) await this.connection.addIceCandidate(candidate);
    } catch (error) {
      if (!this.#ignores && this.connection.signalingState !== 'closed')
        console.warn('call: a signal was refused', error);
    }
  }

  /** Ends the connection. */
  close(): void {
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  async #offer(): Promise<void> {
    try {
      this.#isOffering = true;
      await this.connection.setLocalDescription();
      this.#sendDescription();
    } catch (error) {
      if (this.connection.signalingState !== 'closed') console.warn('call: no offer', error);
    } finally {
      this.#isOffering = false;
    }
  }

  async #describe({ type, sdp }: NonNullable<CallSignal['description']>): Promise<void> {
    const { connection } = this;
    const isReady = !this.#isOffering && (connection.signalingState === 'stable' || this.#isAnswered);
    this.#ignores = type === 'offer' && !isReady && !this.#parts.polite;
    if (this.#ignores) return;
    this.#isAnswered = type === 'answer';
    try {
      await connection.setRemoteDescription({ type, sdp: withoutSilence(sdp) });
    } finally {
      this.#isAnswered = false;
    }
    if (type !== 'offer') return;
    for (const transceiver of connection.getTransceivers()) transceiver.direction = 'sendrecv';
    this.sendTracks();
    await connection.setLocalDescription();
    this.#sendDescription();
  }

  #sendDescription(): void {
    const description = this.connection.localDescription;
    if (!description || description.type === 'pranswer') return;
    this.#parts.send({ description: { type: description.type, sdp: description.sdp } });
  }
}
