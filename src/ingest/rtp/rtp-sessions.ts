/**
 * RTP sessions that are opened over the API: from an SDP to ports and a publisher session.
 * In: SDP, claims of streams. Out: sessions by id. RFC 8866, docs/3-publish/rtp.md.
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { parseRtpMedia, type RtpMedia } from '@oxbow/media/rtp/rtp-media';
import { parseSdp, printSdp, type SessionDescription } from '@oxbow/media/sdp/sdp';
import type { NewRtpSession, RtpSessionsApi, RtpSessionView } from '../../api/realtime/rtp-shapes.ts';
import type { Endpoint } from '../../config/address.ts';
import { networks } from '../../config/option.ts';
import { isMulticast } from '../../config/udp-url.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import type { ClaimRequest, Publisher } from '../publisher.ts';
import { RtpReceiver } from './rtp-receiver.ts';

/** Most sessions. */
export const MAX_RTP_SESSIONS = 25;
/** Bytes of a session id. */
const ID_BYTES = 9;
/** Most media of a session. */
const MAX_MEDIA = 8;
const readNetworks = networks('');

/** What the sessions need. */
export interface RtpSessionsSetup {
  /** Claims the name of a stream. @throws OxbowError as `ManagedStream.publishers.claim`, `stream-unknown` */
  readonly claim: (name: string, request: ClaimRequest) => Promise<Publisher>;
  /** Refuses `stream-unknown`. */
  readonly find: (name: string) => unknown;
  /** The setting `rtp`: where to listen, from which port on. */
  readonly listen: Endpoint | 'off';
  /** Addresses that senders reach, the first one is shown. */
  readonly reachable: () => readonly string[];
  readonly assemblyMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface OpenSession {
  readonly stream: string;
  readonly since: string;
  readonly media: readonly RtpMedia[];
  readonly description: SessionDescription;
  readonly receiver: RtpReceiver;
}

export class RtpSessions implements RtpSessionsApi {
  readonly #setup: RtpSessionsSetup;
  readonly #sessions = new Map<string, OpenSession>();
  #opening = 0;
  #isClosed = false;

  constructor(setup: RtpSessionsSetup) {
    this.#setup = setup;
  }

  list(stream: string): readonly RtpSessionView[] {
    this.#setup.find(stream);
    return [...this.#sessions].flatMap(([id, session]) => (session.stream === stream ? this.#view(id, session) : []));
  }

  async open(stream: string, { sdp, sender }: NewRtpSession): Promise<RtpSessionView> {
    const { claim, clock, log, listen, assemblyMs } = this.#setup;
    if (listen === 'off') throw new OxbowError('rtp-off', 'This server does not listen for RTP.');
    const { media, description } = readSdp(sdp);
    const senders = readSenders(sender);
    if (this.#isClosed) throw new OxbowError('not-ready', 'oxbow is stopping.');
    if (this.#sessions.size + this.#opening >= MAX_RTP_SESSIONS) {
      throw new OxbowError('rtp-full', `There are ${MAX_RTP_SESSIONS} RTP sessions.`);
    }
    this.#opening++;
    const connection = new AbortController();
    let receiver: RtpReceiver | undefined;
    try {
      const publisher = await claim(stream, {
        protocol: 'rtp',
        remote: sender ?? '',
        signal: connection.signal,
        requestKeyFrame: () => receiver?.requestKeyFrame(),
      });
      receiver = await RtpReceiver.open({ publisher, media, listen, senders, assemblyMs, clock, log });
    } catch (error) {
      connection.abort();
      throw error;
    } finally {
      this.#opening--;
    }
    const id = randomBytes(ID_BYTES).toString('base64url');
    const session = { stream, since: new Date(clock.nowMs()).toISOString(), media, description, receiver };
    this.#sessions.set(id, session);
    void receiver.ended.then(() => this.#sessions.delete(id));
    if (this.#isClosed) receiver.end('oxbow stops', false);
    return this.#view(id, session);
  }

  end(stream: string, id: string): void {
    const session = this.#sessions.get(id);
    if (session?.stream !== stream) {
      throw new OxbowError('session-unknown', `There is no such session of the stream "${stream.slice(0, 64)}".`);
    }
    session.receiver.end('the RTP session was ended', true);
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const receivers = [...this.#sessions.values()].map(({ receiver }) => receiver);
    for (const receiver of receivers) receiver.end('oxbow stops', false);
    await Promise.all(receivers.map(({ ended }) => ended));
  }

  #view(id: string, { since, media, description, receiver }: OpenSession): RtpSessionView {
    const { reachable, listen } = this.#setup;
    const address = reachable()[0] ?? (listen === 'off' ? '' : listen.address);
    const { ports } = receiver;
    return {
      id,
      since,
      address,
      media: ports.map(({ mediaIndex, rtpPort, rtcpPort }) => {
        const { kind, formats } = media[mediaIndex]!;
        return { kind, encoding: formats[0]!.encoding, rtpPort, rtcpPort };
      }),
      sdp: printSdp(addressed(description, address, ports), '1'),
      ...receiver.figures,
    };
  }
}

/** The description with the address and the ports of this server; media that are not read have port 0. */
function addressed(description: SessionDescription, address: string, ports: RtpReceiver['ports']): SessionDescription {
  const media = description.media.map((each, index) => {
    const port = ports.find(({ mediaIndex }) => mediaIndex === index)?.rtpPort ?? 0;
    return { ...each, address, port, attributes: each.attributes.filter(([name]) => name !== 'rtcp') };
  });
  return { ...description, media };
}

/** @throws OxbowError `bad-request` */
function readSenders(sender: string | undefined): readonly string[] {
  if (sender === undefined) return [];
  try {
    return readNetworks.parse([sender]);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-request', `The sender is not usable: ${error.message}.`, { cause: error });
  }
}

/**
 * @throws OxbowError `bad-offer`; `offer-refused` if there is no usable media, only sound of it is usable, or
 *   it cannot be received here
 */
function readSdp(text: string): { readonly media: readonly RtpMedia[]; readonly description: SessionDescription } {
  const hint = 'Send the SDP that the sender prints, e.g. of `ffmpeg -f rtp -sdp_file`: docs/3-publish/rtp.md.';
  let media: readonly RtpMedia[];
  let description: SessionDescription;
  try {
    description = parseSdp(text);
    media = parseRtpMedia(text).media;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-offer', `The SDP is not usable: ${error.message}.`, { extra: { hint }, cause: error });
  }
  const group = media.find(({ isUsable, address = '' }) => isUsable && isMulticast(address))?.address;
  if (group !== undefined) {
    throw new OxbowError('offer-refused', `The SDP is of the multicast group ${group}, not of a session.`, {
      extra: { hint: 'Use it as the source of the stream: `sdp://FILE`, docs/3-publish/rtp.md.' },
    });
  }
  if (media.filter(({ isUsable }) => isUsable).length > MAX_MEDIA) {
    throw new OxbowError('offer-refused', `The SDP has more than ${MAX_MEDIA} media.`, {
      extra: { hint: 'Leave media out.' },
    });
  }
  const video = media.filter(({ kind }) => kind === 'video');
  const isWithoutPicture = video.length > 0 && !video.some(({ isUsable }) => isUsable);
  if (!isWithoutPicture && media.some(({ isUsable }) => isUsable)) return { media, description };
  const names = (isWithoutPicture ? video : media).flatMap(({ leftOut }) => leftOut.map(({ name }) => name));
  const why =
    names.length > 0 ? `oxbow does not support ${[...new Set(names)].slice(0, 12).join(', ')}` : 'it has no media';
  throw new OxbowError('offer-refused', `The SDP cannot be used: ${why}.`, {
    extra: { hint: 'Send H.264, HEVC, AV1 or VP9, and Opus or AAC, or MPEG-TS: docs/3-publish/rtp.md.' },
  });
}
