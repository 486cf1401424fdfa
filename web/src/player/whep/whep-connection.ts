/**
 * Receives a live stream over WHEP.
 * In: the name of a stream. Out: a media stream that plays, its figures, its loss. draft-ietf-wish-whep.
 */
import { onServer, watchTokenOf } from '../../api/server.ts';
import { connected, lost, openSession, type SignaledSession } from '../../webrtc/signaling.ts';
import { type ReceivedFigures, readReceived, type WaitReport } from './received-figures.ts';

/** An open connection; `close` ends it. */
export class WhepConnection {
  readonly stream: MediaStream;
  /** Resolves when it is lost or closed. */
  readonly lost: Promise<void>;
  readonly #peer: RTCPeerConnection;
  readonly #session: SignaledSession;
  readonly #ends = new AbortController();
  #last: WaitReport | null = null;

  private constructor(peer: RTCPeerConnection, session: SignaledSession) {
    this.#peer = peer;
    this.#session = session;
    this.stream = new MediaStream(peer.getReceivers().map(({ track }) => track));
    this.lost = lost(peer, this.#ends.signal);
  }

  /**
   * Opens a connection.
   * @throws ApiError if the server refuses, or cannot be reached over UDP; the signal's reason
   */
  static async open(stream: string, signal: AbortSignal): Promise<WhepConnection> {
    const peer = new RTCPeerConnection();
    for (const kind of ['video', 'audio']) peer.addTransceiver(kind, { direction: 'recvonly' });
    let session: SignaledSession | undefined;
    try {
      session = await openSession(peer, {
        url: onServer(`/whep/${stream}`),
        token: watchTokenOf(stream) ?? '',
        signal,
      });
      await connected(peer, signal);
      return new WhepConnection(peer, session);
    } catch (error) {
      peer.close();
      void session?.end();
      throw error;
    }
  }

  /** The figures now. */
  async figures(): Promise<ReceivedFigures> {
    const figures = readReceived([...(await this.#peer.getStats()).values()], this.#last);
    this.#last = figures.report;
    return figures;
  }

  close(): void {
    if (this.#ends.signal.aborted) return;
    this.#ends.abort();
    // In this order: the end of the connection would end the session at the server too.
    void this.#session.end().then(() => this.#peer.close());
  }
}
