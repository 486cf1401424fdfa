/**
 * One viewer over WHEP.
 * In: payloads of the feed of a stream, feedback of the viewer. Out: RTP and RTCP packets.
 * draft-ietf-wish-whep, docs/4-watch/whep.md.
 */

import type { Frame } from '@oxbow/media/frame';
import type { IceCandidate, WebRtcDescription } from '@oxbow/media/sdp/webrtc-description';
import type { WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import type { IceCredentials } from '@oxbow/wire/webrtc/ice/ice-session';
import { MediaSender } from '@oxbow/wire/webrtc/media-sender';
import type { Peer } from '@oxbow/wire/webrtc/peer';
import type { Clock } from '../../lib/clock.ts';
import type { AcceptedViewer } from './accept-viewer.ts';
import type { FeedRun, FeedViewer, ViewerFeed } from './viewer-feed.ts';

/** What a session needs. */
interface WhepSetup {
  readonly endpoint: WebRtcEndpoint;
  readonly offer: WebRtcDescription;
  readonly accepted: AcceptedViewer;
  readonly local: IceCredentials;
  readonly feed: ViewerFeed;
  readonly clock: Clock;
}

/** A session from its offer to its end. */
export class WhepSession implements FeedViewer {
  /** Role in DTLS, as the answer says it. */
  readonly setup: 'active' | 'passive';
  /** Resolves when the session is over, with the reason. */
  readonly ended: Promise<string>;
  readonly #feed: ViewerFeed;
  readonly #peer: Peer;
  readonly #sender: MediaSender;
  readonly #resolve: (reason: string) => void;

  constructor({ offer, endpoint, accepted, local, feed, clock }: WhepSetup) {
    ({ promise: this.ended, resolve: this.#resolve } = Promise.withResolvers<string>());
    this.#feed = feed;
    this.setup = offer.setup === 'passive' ? 'active' : 'passive';
    this.#peer = endpoint.openPeer({
      role: 'answer',
      dtls: this.setup === 'active' ? 'client' : 'server',
      local,
      remote: offer,
      onConnected: () => {
        feed.add(this);
        this.#sender.begin();
      },
      onPacket: () => {},
      onReport: (packet) => this.#sender.receive(packet),
      onClosed: (reason) => this.end(reason ?? 'the viewer left'),
    });
    const requestKeyFrame = () => feed.requestKeyFrame();
    this.#sender = new MediaSender({ peer: this.#peer, tracks: accepted.tracks, clock, requestKeyFrame });
  }

  /** Adds a candidate of the client (trickle ICE). */
  addCandidate(candidate: IceCandidate): void {
    this.#peer.addCandidate(candidate);
  }

  /** The client ends the session. */
  async leave(): Promise<void> {
    this.end('the client ended its session');
  }

  end(reason: string): void {
    this.#sender[Symbol.dispose]();
    this.#feed.remove(this);
    this.#peer.close();
    this.#resolve(reason);
  }

  startRun({ context: { run, startUs }, tracks }: FeedRun): void {
    const sent = tracks.flatMap(({ id, timescale, packetizer }) =>
      packetizer ? [{ id, timescale, encoding: packetizer.format.encoding }] : [],
    );
    if (!this.#sender.startRun({ run, startUs, tracks: sent }))
      this.end('the codecs of the stream have changed: open a new session');
  }

  write(frame: Frame, payloads: readonly Uint8Array[], isPast: boolean): void {
    this.#sender.write(frame, payloads, isPast);
  }
}
