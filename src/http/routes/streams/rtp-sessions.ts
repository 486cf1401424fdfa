/**
 * Routes of RTP sessions: administrators open a session from an SDP, and get the ports to send to.
 * In: SDP. Out: RtpSessionView.
 */
import { RtpSessionView } from '../../../api/realtime/rtp-shapes.ts';
import { Type } from '../../../api/type.ts';
import { IdParams } from '../../route/page-query.ts';
import { defineRoute, type Route } from '../../route/route.ts';
import { NameParams } from './streams.ts';

const NewRtpSession = Type.Object(
  {
    sdp: Type.String({ maxLength: 131_072, description: 'session description of the sender (RFC 8866)' }),
    sender: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'IP address or network that packets come from. Default: the first sender that sends what the SDP announces.',
      }),
    ),
  },
  { $id: 'NewRtpSession', additionalProperties: false },
);
const RtpSessionList = Type.Object(
  { items: Type.Array(RtpSessionView), nextCursor: Type.Null() },
  { $id: 'RtpSessionList' },
);
const NameAndId = Type.Object({ ...NameParams.properties, ...IdParams.properties });

/** The rows. */
export const rtpSessionRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/rtp',
    tag: 'publish',
    access: 'admin',
    sentence: 'Lists the RTP sessions of a stream, oldest first.',
    params: NameParams,
    replies: { 200: RtpSessionList },
    answer: ({ params: { name } }, { rtp }) => ({ body: { items: [...rtp.list(name)], nextCursor: null } }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/streams/:name/rtp',
    tag: 'publish',
    access: 'admin',
    sentence:
      'Opens an RTP session: ports for the media of an SDP, to which a sender publishes the stream. It ends after 10 s without packets, or 60 s before the first one.',
    params: NameParams,
    body: NewRtpSession,
    replies: { 201: RtpSessionView },
    async answer({ params: { name }, body }, { rtp }) {
      const view = await rtp.open(name, body);
      return { status: 201, headers: { location: `/api/v1/streams/${name}/rtp/${view.id}` }, body: view };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/streams/:name/rtp/:id',
    tag: 'publish',
    access: 'admin',
    sentence: 'Ends an RTP session.',
    params: NameAndId,
    replies: { 204: undefined },
    answer({ params: { name, id } }, { rtp }) {
      rtp.end(name, id);
      return { status: 204 };
    },
  }),
];
