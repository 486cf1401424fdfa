/**
 * RTP sessions: their JSON, and the contract of their API. Times are RFC 3339 in UTC with milliseconds.
 * In: http/routes calls the contract. Out: OpenAPI, other people's programs; ingest/rtp implements it.
 * docs/3-publish/rtp.md.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

/** One media description of a session. */
const RtpSessionMedia = Type.Object(
  {
    kind: Type.String({ description: '`video` or `audio`' }),
    encoding: Type.String({ description: 'first payload format, as in the SDP, e.g. `H264`' }),
    rtpPort: Port,
    rtcpPort: Type.Integer({ ...Port, description: 'the same port where the SDP has `a=rtcp-mux`' }),
  },
  { $id: 'RtpSessionMedia' },
);

export const RtpSessionView = Type.Object(
  {
    id: Type.String(),
    since: Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' }),
    address: Type.String({ description: 'IP address of this server that the sender sends to' }),
    media: Type.Array(RtpSessionMedia),
    sdp: Type.String({ description: 'the SDP with this address and these ports, for senders that read it' }),
    sender: Type.Union([Type.String(), Type.Null()], {
      description: 'IP address of the sender; null before its first packet',
    }),
    packets: Type.Integer({ description: 'packets of the sender' }),
    lost: Type.Integer({ description: 'packets that were missing when their time had come' }),
    ignored: Type.Integer({ description: 'packets of other senders' }),
  },
  { $id: 'RtpSessionView' },
);
export type RtpSessionView = Static<typeof RtpSessionView>;

/** The request to open a session. */
export interface NewRtpSession {
  /** SDP of the sender. */
  readonly sdp: string;
  /** IP address or network of the sender; undefined: the first sender. */
  readonly sender?: string | undefined;
}

/** RTP sessions of streams. */
export interface RtpSessionsApi {
  /** Oldest first. */
  list(stream: string): readonly RtpSessionView[];
  /**
   * Refuses `bad-offer`, `offer-refused`, `rtp-off`, `rtp-full`, `stream-unknown`, `publish-refused`,
   * `publisher-active`.
   */
  open(stream: string, request: NewRtpSession): Promise<RtpSessionView>;
  /** Refuses `session-unknown`. */
  end(stream: string, id: string): void;
}
