/**
 * The UDP port of WebRTC as its sessions share it: peers, and answers with the addresses of this computer.
 * In: an open endpoint. Out: peers, SDP. RFC 8839 5.1 (candidates).
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import {
  parseWebRtc,
  printWebRtc,
  type WebRtcDescription,
  type WebRtcMedia,
} from '@oxbow/media/sdp/webrtc-description';
import { candidateAddresses } from '@oxbow/wire/webrtc/candidate-addresses';
import type { WebRtcEndpoint } from '@oxbow/wire/webrtc/endpoint';
import { OxbowError } from '../../lib/errors.ts';

/** An open port. */
export class WebRtcTransport {
  readonly endpoint: WebRtcEndpoint;
  readonly #bound: string;
  readonly #configured: readonly string[];

  /**
   * @param bound address of the socket
   * @param configured `webrtcAddresses`
   */
  constructor(endpoint: WebRtcEndpoint, bound: string, configured: readonly string[]) {
    this.endpoint = endpoint;
    this.#bound = bound;
    this.#configured = configured;
  }

  /**
   * Prints an answer.
   * @param reachedAt address of this computer on which the client reached HTTP, where it is known
   */
  print(
    media: readonly WebRtcMedia[],
    reachedAt: string | undefined,
    local: Pick<WebRtcDescription, 'ufrag' | 'password' | 'setup'>,
  ): string {
    const { port, fingerprint } = this.endpoint;
    const addresses = candidateAddresses(this.#bound, this.#configured, reachedAt);
    const candidates = addresses.map((address) => ({ address, port }));
    const id = String(randomBytes(6).readUIntBE(0, 6));
    return printWebRtc({ ...local, fingerprint, isIceLite: true, candidates, media }, id);
  }
}

/** Reads an offer. @throws OxbowError `bad-offer` */
export function readOffer(text: string): WebRtcDescription {
  try {
    return parseWebRtc(text);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('bad-offer', `The offer is not usable: ${error.message}.`, { cause: error });
  }
}
