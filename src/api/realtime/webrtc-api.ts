/**
 * WebRTC sessions as the HTTP server uses them: WHIP publishers and WHEP viewers.
 * In: offers. Out: answers; sessions by id. Implemented by ingest/webrtc. RFC 9725, draft-ietf-wish-whep.
 */

/** A request that opens a session. */
export interface WebRtcRequest {
  /** Name of the stream as the client sent it. */
  readonly name: string;
  /** Bearer token: a stream key (WHIP), a playback token (WHEP); undefined if none. */
  readonly key: string | undefined;
  /** Address of the client, for logs. */
  readonly remote: string;
  /** Country of the client, where a trusted proxy says it. */
  readonly country?: string | undefined;
  /** IP address of this server on which the client reached it, where it is known. */
  readonly reachedAt: string | undefined;
  readonly userAgent: string | undefined;
  /** SDP. */
  readonly offer: string;
}

/** A session that was opened. */
export interface WebRtcAnswer {
  readonly id: string;
  readonly sdp: string;
}

/** A server that a client may use if UDP is blocked, RFC 9725 4.6. */
export interface IceServer {
  /** `stun:` or `turn:` URL. */
  readonly url: string;
  readonly username?: string;
  readonly credential?: string;
}

/** The sessions of a server. */
export interface WebRtcApi {
  /** Servers for STUN and TURN that clients get; usually none. */
  readonly iceServers: readonly IceServer[];
  /**
   * Opens a session of a publisher.
   *
   * @throws OxbowError `webrtc-off`, `not-ready` while oxbow starts or stops, `bad-offer`, `offer-refused`,
   *   `webrtc-full`, and as PublishAccess
   */
  publish(request: WebRtcRequest): Promise<WebRtcAnswer>;
  /**
   * Opens a session of a viewer.
   *
   * @throws OxbowError `webrtc-off`, `bad-offer`, `offer-refused`, `webrtc-full`, `not-ready` if the stream
   *   is not live or oxbow starts or stops, and as PublishAccess.read. Also the signal's reason
   */
  play(request: WebRtcRequest, options: { readonly signal: AbortSignal }): Promise<WebRtcAnswer>;
  /**
   * Ends a session for its client; of a publisher, media that it sent before is read first.
   *
   * @throws OxbowError `session-unknown`
   */
  end(name: string, id: string): Promise<void>;
  /**
   * Takes candidates of the client (trickle ICE, RFC 8840).
   *
   * @throws OxbowError `session-unknown`; `bad-offer` for a restart of ICE, which needs a new session
   */
  trickle(name: string, id: string, fragment: string): void;
}
