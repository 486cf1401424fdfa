/**
 * One WebRTC connection: ICE, DTLS and SRTP over a shared socket.
 * In: datagrams of the peer; RTP and RTCP to send. Out: RTP and RTCP of the peer; when it is connected, and
 * why it ended. RFC 8825 4, RFC 5764 5.1 (which protocol a datagram has).
 */
import type { RtpPieces } from '@oxbow/media/rtp/packet';
import type { UdpPath } from '../udp-path.ts';
import type { Certificate } from './dtls/certificate.ts';
import { DtlsConnection } from './dtls/dtls-connection.ts';
import { createIceCredentials, type Endpoint, type IceCredentials, IceSession } from './ice/ice-session.ts';
import type { StunMessage } from './ice/stun-message.ts';
import { AES_CM, AES_GCM } from './srtp/packet-cipher.ts';
import { Srtp } from './srtp/srtp.ts';

/** The transport of the peer, from its SDP. */
interface RemoteTransport extends IceCredentials {
  /** SHA-256 of its certificate: upper-case hexadecimal bytes with colons. */
  readonly fingerprint: string;
  /** Addresses of the peer; needed only by the controlling side. */
  readonly candidates: readonly Endpoint[];
}

/** Callbacks of a peer. */
export interface PeerHandlers {
  /** The keys are agreed: media can be sent. */
  onConnected(): void;
  /** A decrypted RTP packet; it may be kept and changed. */
  onPacket(packet: Uint8Array): void;
  /** A decrypted compound RTCP packet. */
  onReport(packet: Uint8Array): void;
  /** The connection has ended, once. @param reason undefined: the peer closed it in order */
  onClosed(reason: string | undefined): void;
}

export interface PeerOptions extends PeerHandlers {
  /** `answer`: the peer has made the offer. This side is then an ICE-lite agent. */
  readonly role: 'answer' | 'offer';
  /** Role in DTLS, RFC 8842: as agreed in the SDP. */
  readonly dtls: 'client' | 'server';
  readonly local?: IceCredentials;
  readonly remote: RemoteTransport;
}

/** The socket, as a peer uses it. */
export interface PeerSocket {
  readonly certificate: Certificate;
  readonly nowMs: () => number;
  send(datagram: Uint8Array, to: Endpoint): void;
  /** A faster way to a peer that gets media; undefined where there is none. The peer closes it. */
  openPath(to: Endpoint): UdpPath | undefined;
  /** The response to a check with this transaction belongs to this peer. */
  expect(transaction: Uint8Array): void;
  /**
   * The peer uses this address: datagrams from there belong to it, unless another peer uses the address too.
   */
  claim(endpoint: Endpoint): void;
  release(): void;
}

/** Counters of a peer. */
interface PeerStats {
  bytesIn: number;
  bytesOut: number;
  /** Datagrams that were forged, damaged or repeated. */
  rejected: number;
}

/** A connection that is not set up within this time has failed, ms. */
const SETUP_MS = 15_000;
/**
 * A peer that sends nothing for this long is gone, ms: browsers check for consent every 5 s (RFC 7675 5.1).
 */
const SILENT_MS = 15_000;

/**
 * Packets between two ticks (50 ms) that were rejected, after which further ones of this address are dropped
 * unread: someone forges it, and each costs as much as a packet of the peer. 10,000 a second are about a
 * tenth of a core.
 */
const MAX_REJECTED = 500;

/** One connection. */
export class Peer {
  readonly local: IceCredentials;
  readonly stats: PeerStats = { bytesIn: 0, bytesOut: 0, rejected: 0 };
  readonly #socket: PeerSocket;
  readonly #options: PeerOptions;
  readonly #ice: IceSession;
  readonly #dtls: DtlsConnection;
  readonly #openedMs: number;
  #heardMs: number;
  #srtp: Srtp | undefined;
  /** It gets media. */
  #isReceiver = false;
  /** To `pathTo`; undefined if there is none. */
  #path: UdpPath | undefined;
  #pathTo: Endpoint | undefined;
  /** Packets that were rejected since the last tick. */
  #rejected = 0;
  #isClosed = false;

  constructor(socket: PeerSocket, options: PeerOptions) {
    const { remote } = options;
    this.#socket = socket;
    this.#options = options;
    this.local = options.local ?? createIceCredentials();
    this.#openedMs = this.#heardMs = socket.nowMs();
    this.#ice = new IceSession({
      local: this.local,
      remote,
      role: options.role === 'answer' ? 'lite' : 'controlling',
      candidates: remote.candidates,
      send: (datagram, to) => this.#transmit(datagram, to),
      onCheck: (transaction) => socket.expect(transaction),
      onReachable: (endpoint) => socket.claim(endpoint),
      onSelected: () => {
        if (options.dtls === 'client') this.#dtls.start();
      },
    });
    this.#dtls = new DtlsConnection({
      role: options.dtls,
      certificate: socket.certificate,
      isPeer: (fingerprint) => fingerprint === remote.fingerprint,
      srtpProfiles: [AES_CM, AES_GCM],
      send: (datagram) => this.#transmit(datagram, this.#ice.selected),
      onConnected: (secrets) => {
        this.#srtp = new Srtp(secrets);
        options.onConnected();
      },
      onClosed: (reason) => this.#end(reason),
    });
  }

  /** Where the peer is; undefined until ICE has found it. */
  get remote(): Endpoint | undefined {
    return this.#ice.selected;
  }

  /** Media can be sent. */
  get isConnected(): boolean {
    return this.#srtp !== undefined && !this.#isClosed;
  }

  /**
   * When it has received something that only the peer can have sent, monotonic ms; before that, when it was
   * opened.
   */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Adds a candidate of the peer (trickle ICE). */
  addCandidate(endpoint: Endpoint): void {
    this.#ice.addCandidate(endpoint);
  }

  /** Takes a STUN message of `bytes` that the socket has routed here. */
  receiveStun(message: StunMessage, from: Endpoint, bytes: number): void {
    if (!this.#isClosed) this.#count(this.#ice.receive(message, from), bytes);
  }

  /** Takes another datagram that the socket has routed here. RFC 7983 7 */
  receive(datagram: Uint8Array): void {
    if (this.#isClosed) return;
    const first = datagram[0] ?? 255;
    let isHeard = false;
    if (first >= 20 && first < 64) isHeard = this.#dtls.receive(datagram);
    else if (first >= 128 && first < 192) isHeard = this.#receiveMedia(datagram);
    this.#count(isHeard, datagram.length);
  }

  /** Sends an RTP packet, as `Srtp.protect` describes; before the connection is set up it is dropped. */
  send(packet: RtpPieces): void {
    const sealed = this.#srtp?.protect(packet);
    if (!sealed) return;
    this.#isReceiver = true;
    this.#transmitSealed(sealed);
  }

  /** Sends a compound RTCP packet; before the connection is set up it is dropped. */
  sendReport(packet: Uint8Array): void {
    const sealed = this.#srtp?.protectRtcp(packet);
    if (sealed) this.#transmitSealed(sealed);
  }

  /** Checks deadlines. */
  tick(): void {
    if (this.#isClosed) return;
    const nowMs = this.#socket.nowMs();
    this.#rejected = 0;
    this.#ice.tick(nowMs);
    this.#dtls.tick(nowMs);
    if (!this.#srtp && nowMs - this.#openedMs >= SETUP_MS) {
      this.#end(this.#ice.selected ? this.#dtls.pending : 'no packet has come from the peer: UDP may be blocked');
    } else if (nowMs - this.#heardMs >= SILENT_MS) this.#end('the peer is silent');
    else if (!this.#ice.hasConsent) this.#end('the peer does not answer at the address that it was connected with');
    else this.#followPeer();
  }

  /** Ends the connection; the peer is notified. `onClosed` is not called. */
  close(): void {
    if (this.#isClosed) return;
    this.#dtls.close();
    this.#isClosed = true;
    this.#path?.close();
    this.#socket.release();
  }

  /** Ends the connection after an internal error; unlike with `close`, `onClosed` is called. */
  fail(reason: string): void {
    this.#end(reason);
  }

  #count(isHeard: boolean, bytes: number): void {
    if (isHeard) {
      this.#heardMs = this.#socket.nowMs();
      this.stats.bytesIn += bytes;
    } else this.stats.rejected++;
  }

  #receiveMedia(datagram: Uint8Array): boolean {
    if (!this.#srtp || this.#rejected >= MAX_REJECTED) return false;
    // RTCP types are 192 to 223, RFC 5761 4.
    const isReport = datagram[1]! >= 192 && datagram[1]! < 224;
    const plain = isReport ? this.#srtp.unprotectRtcp(datagram) : this.#srtp.unprotect(datagram);
    if (!plain) {
      this.#rejected++;
      return false;
    }
    if (isReport) this.#options.onReport(plain);
    else this.#options.onPacket(plain);
    return true;
  }

  /** Opens a path where the peer is, at most one for each tick: a peer may claim to move at any rate. */
  #followPeer(): void {
    const to = this.#ice.selected;
    if (!this.#isReceiver || !to || to === this.#pathTo) return;
    this.#path?.close();
    this.#path = this.#socket.openPath(to);
    this.#pathTo = to;
  }

  /** @param sealed its bytes are valid until the next packet is protected */
  #transmitSealed(sealed: Uint8Array): void {
    const to = this.#ice.selected;
    if (this.#path && to === this.#pathTo && this.#path.send(sealed)) this.stats.bytesOut += sealed.length;
    else this.#transmit(new Uint8Array(sealed), to);
  }

  #transmit(datagram: Uint8Array, to: Endpoint | undefined): void {
    if (!to || this.#isClosed) return;
    this.stats.bytesOut += datagram.length;
    this.#socket.send(datagram, to);
  }

  #end(reason: string | undefined): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onClosed(reason);
  }
}
