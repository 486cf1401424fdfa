/**
 * One WebRTC connection: ICE, DTLS and SRTP over a shared socket.
 * In: datagrams of the peer; RTP and RTCP to send. Out: RTP and RTCP of the peer; when it is connected, and why it ended.
 * RFC 8825 4, RFC 5764 5.1 (which protocol a datagram has).
 */
import type { Certificate } from './dtls/certificate.ts';
import { DtlsConnection } from './dtls/dtls-connection.ts';
import { createIceCredentials, type Endpoint, type IceCredentials, IceSession } from './ice/ice-session.ts';
import { isStun, parseStun } from './ice/stun-message.ts';
import { AES_CM, AES_GCM } from './srtp/packet-cipher.ts';
import { Srtp } from './srtp/srtp.ts';

/** What the SDP of the peer says about its transport. */
export interface RemoteTransport extends IceCredentials {
  /** SHA-256 of its certificate: upper-case hexadecimal bytes with colons. */
  readonly fingerprint: string;
  /** Addresses of the peer; needed only by the controlling side. */
  readonly candidates: readonly Endpoint[];
}

/** What a peer calls. */
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

/** What opens a peer. */
export interface PeerOptions extends PeerHandlers {
  /** `answer`: the peer has made the offer. This side is then an ICE-lite agent. */
  readonly role: 'answer' | 'offer';
  /** Role in DTLS, RFC 8842: as agreed in the SDP. */
  readonly dtls: 'client' | 'server';
  readonly local?: IceCredentials;
  readonly remote: RemoteTransport;
}

/** What the socket gives to a peer. */
export interface PeerSocket {
  readonly certificate: Certificate;
  readonly nowMs: () => number;
  send(datagram: Uint8Array, to: Endpoint): void;
  /** Datagrams of an address are this peer's from now on. */
  claim(endpoint: Endpoint): void;
  release(): void;
}

/** Counters of a peer. */
export interface PeerStats {
  bytesIn: number;
  bytesOut: number;
  /** Packets that were forged, damaged or repeated. */
  rejected: number;
}

/** A connection that is not set up within this time has failed, ms. */
const SETUP_MS = 15_000;
/** A peer that sends nothing for this long is gone, ms: browsers check for consent every 5 s (RFC 7675 5.1). */
const SILENT_MS = 15_000;

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
      onSelected: (endpoint) => {
        socket.claim(endpoint);
        if (options.dtls === 'client') this.#dtls.start();
      },
    });
    this.#dtls = new DtlsConnection({
      role: options.dtls,
      certificate: socket.certificate,
      isPeer: (fingerprint) => fingerprint === remote.fingerprint,
      srtpProfiles: [AES_GCM, AES_CM],
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

  /** Whether a STUN response with this transaction is for this peer, which has no address yet. */
  awaits(transaction: Uint8Array): boolean {
    return this.#ice.awaits(transaction);
  }

  /** Adds a candidate of the peer (trickle ICE). */
  addCandidate(endpoint: Endpoint): void {
    this.#ice.addCandidate(endpoint);
  }

  /** Takes a datagram that the socket has routed here. */
  receive(datagram: Uint8Array, from: Endpoint): void {
    if (this.#isClosed) return;
    const first = datagram[0] ?? 255;
    let isHeard = true;
    if (isStun(datagram)) isHeard = this.#ice.receive(parseStun(datagram), from);
    else if (first >= 20 && first < 64) this.#dtls.receive(datagram);
    else if (first >= 128 && first < 192) isHeard = this.#receiveMedia(datagram);
    if (!isHeard) this.stats.rejected++;
    else {
      this.#heardMs = this.#socket.nowMs();
      this.stats.bytesIn += datagram.length;
    }
  }

  /** Sends an RTP packet; before the connection is set up it is dropped. */
  send(packet: Uint8Array): void {
    if (this.#srtp) this.#transmit(this.#srtp.protect(packet), this.#ice.selected);
  }

  /** Sends a compound RTCP packet; before the connection is set up it is dropped. */
  sendReport(packet: Uint8Array): void {
    if (this.#srtp) this.#transmit(this.#srtp.protectRtcp(packet), this.#ice.selected);
  }

  /** Checks deadlines. */
  tick(): void {
    if (this.#isClosed) return;
    const nowMs = this.#socket.nowMs();
    this.#ice.tick(nowMs);
    this.#dtls.tick(nowMs);
    if (!this.#srtp && nowMs - this.#openedMs >= SETUP_MS) {
      this.#end(this.#ice.selected ? this.#dtls.pending : 'no packet has come from the peer: UDP may be blocked');
    } else if (nowMs - this.#heardMs >= SILENT_MS) this.#end('the peer is silent');
  }

  /** Ends the connection; the peer is notified. `onClosed` is not called. */
  close(): void {
    if (this.#isClosed) return;
    this.#dtls.close();
    this.#isClosed = true;
    this.#socket.release();
  }

  #receiveMedia(datagram: Uint8Array): boolean {
    if (!this.#srtp) return false;
    // RTCP types are 192 to 223, RFC 5761 4.
    const isReport = datagram[1]! >= 192 && datagram[1]! < 224;
    const plain = isReport ? this.#srtp.unprotectRtcp(datagram) : this.#srtp.unprotect(datagram);
    if (!plain) return false;
    if (isReport) this.#options.onReport(plain);
    else this.#options.onPacket(plain);
    return true;
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
