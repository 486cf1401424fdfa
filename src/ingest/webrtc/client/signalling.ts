/**
 * The HTTP of a WHIP or WHEP client: an offer for an answer, and DELETE at the end.
 * In: an address, an offer. Out: the answer, what ends the session; why there is none. RFC 9725 4.2 and 4.5,
 * draft-ietf-wish-whep 4.2.
 */

import { FormatError } from '@oxbow/media/errors';
import { MAX_SDP_LENGTH } from '@oxbow/media/sdp/sdp';
import { parseWebRtc, type WebRtcDescription } from '@oxbow/media/sdp/webrtc-description';
import { messageOf } from '../../../lib/errors.ts';
import type { Net, NetResponse } from '../../../net/net.ts';

const SDP = 'application/sdp';
const MAX_REDIRECTS = 5;
/** Of one request, ms: an oxbow waits up to 10 s for a key frame. */
const DEADLINE_MS = 15_000;
/** The end of a session is not worth waiting for longer, ms. */
const DELETE_MS = 3000;
/** Longest reason of a server that is repeated, characters. */
const MAX_REASON = 200;

/** Where the offer is sent. */
export interface SignallingOptions {
  readonly net: Pick<Net, 'fetch'>;
  readonly url: URL;
  /** Sent as `Authorization: Bearer`, only to the origin of `url`. */
  readonly key: string | undefined;
  /** An administrator configured the address: its host may be private. */
  readonly trusted: boolean;
  readonly signal: AbortSignal;
}

/** An open session. */
export interface SignalledSession {
  readonly answer: WebRtcDescription;
  /** Of the server that answered, after redirects. */
  readonly url: URL;
  /** Ends the session at the server; never rejects. */
  end(): Promise<void>;
}

/** The server refused the offer. */
export class OfferRefused extends Error {
  override readonly name = 'OfferRefused';
  readonly status: number;

  /** @param message what the server answered, without its address */
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Sends an offer; redirects (307 and 308) are followed, each checked like the first.
 *
 * @throws OfferRefused; FormatError for an answer that is not usable; what `Net.fetch` throws
 */
export async function openSession(offer: string, options: SignallingOptions): Promise<SignalledSession> {
  const post = new TextEncoder().encode(offer);
  let { url } = options;
  for (let redirects = 0; ; redirects++) {
    using response = await request(url, options, { post, 'content-type': SDP });
    const { status, headers } = response;
    const location = URL.parse(headers.location ?? '', url.href);
    if ((status === 307 || status === 308) && headers.location !== undefined && location) {
      if (redirects >= MAX_REDIRECTS) throw new OfferRefused(status, `redirects more than ${MAX_REDIRECTS} times`);
      url = location;
      continue;
    }
    if (status !== 201) throw new OfferRefused(status, await reasonOf(response));
    const end = async () => {
      // A session without a Location ends by its transport.
      if (headers.location === undefined || !location) return;
      try {
        using deleted = await request(location, { ...options, signal: AbortSignal.timeout(DELETE_MS) }, 'DELETE');
        await deleted.body();
      } catch {
        // It ends by silence.
      }
    };
    try {
      if (!headers['content-type']?.toLowerCase().startsWith(SDP)) throw new FormatError('the answer is not an SDP', 0);
      return { answer: readAnswer(new TextDecoder().decode(await response.body())), url, end };
    } catch (error) {
      await end();
      throw error;
    }
  }
}

function request(
  url: URL,
  { net, url: home, key, trusted, signal }: SignallingOptions,
  sent: 'DELETE' | { readonly post: Uint8Array; readonly 'content-type': string },
): Promise<NetResponse> {
  const isDelete = sent === 'DELETE';
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(!isDelete && { 'content-type': sent['content-type'] }),
  };
  return net.fetch(url, {
    signal,
    headers,
    home,
    maxBytes: MAX_SDP_LENGTH,
    idleMs: DEADLINE_MS,
    post: isDelete ? new Uint8Array() : sent.post,
    deadlineMs: isDelete ? DELETE_MS : DEADLINE_MS,
    ...(isDelete && { method: 'DELETE' as const }),
    ...(trusted && { trusted: home }),
  });
}

function readAnswer(text: string): WebRtcDescription {
  const answer = parseWebRtc(text);
  if (answer.media.length === 0) throw new FormatError('the answer has no media', 0);
  return answer;
}

/** What the server says of its refusal: status, and the sentence of a problem document or a short text. */
async function reasonOf(response: NetResponse): Promise<string> {
  const { status, headers } = response;
  if (status === 406) return 'answered 406: it makes an offer itself, which oxbow does not take';
  let text = '';
  try {
    text = new TextDecoder().decode(await response.body());
  } catch (error) {
    text = messageOf(error);
  }
  const type = headers['content-type'] ?? '';
  const sentence = /json/i.test(type) ? sentenceOf(text) : /^text\/plain/i.test(type) ? text : '';
  const clean = sentence.replace(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ').trim();
  return `answered ${status}${clean === '' ? '' : `: ${clean.slice(0, MAX_REASON)}`}`;
}

function sentenceOf(text: string): string {
  try {
    const { detail, message, error, title } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return String([detail, message, error, title].find((each) => typeof each === 'string') ?? '');
  } catch {
    return '';
  }
}
