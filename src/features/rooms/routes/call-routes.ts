/**
 * Calls in rooms: `POST /api/v1/rooms/{id}/call/{participant}` opens the connection of a participant to the
 * server, `DELETE` ends it. Outside the table of routes, because bodies are SDP.
 * In: offers. Out: answers as `201 Created` with `Location`. docs/7-together/messages.md.
 */

import { MAX_SDP_LENGTH } from '@oxbow/media/sdp/sdp';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { UserRef } from '../../../accounts/users/user.ts';
import type { ScopeTools } from '../../../http/additions.ts';
import { defineRoute } from '../../../http/route/route.ts';
import { bodyOf, SDP } from '../../../http/webrtc/webrtc-routes.ts';
import type { Call } from '../call/call.ts';
import type { RoomParts } from '../parts.ts';
import { readRoom } from './room-reader.ts';

const PATH = '/api/v1/rooms/:id/call/:participant';

/** The access of a request, as a row of the table. */
const permission = defineRoute({
  ...({ method: 'POST', path: PATH, tag: 'rooms', access: 'person', sentence: '', replies: {} } as const),
  answer: () => ({}),
});

interface CallParams {
  readonly id: string;
  readonly participant: string;
}

/** Registers the addresses in a separate scope. */
export function registerCalls(scope: FastifyInstance, parts: RoomParts, { authorizer }: ScopeTools): void {
  const route = {
    schema: { hide: true },
    onRequest: async (request: FastifyRequest, reply: FastifyReply) => {
      await authorizer.lookUp(request);
      authorizer.tryToken(request);
      await authorizer.authorize(permission, request, reply);
    },
  };

  async function find(request: FastifyRequest): Promise<{ readonly call: Call; readonly user: UserRef }> {
    const { id } = request.params as CallParams;
    const { principal, client } = authorizer.authorized(request);
    const { room, user } = await readRoom({ params: { id }, principal, client }, parts);
    return { call: room.call, user };
  }

  scope.addContentTypeParser(SDP, { parseAs: 'string', bodyLimit: MAX_SDP_LENGTH }, (_, body, done) =>
    done(null, body),
  );
  scope.post(PATH, route, async (request, reply) => {
    const { id, participant } = request.params as CallParams;
    const offer = bodyOf(request, SDP);
    const { call, user } = await find(request);
    const answer = call.connect(participant, user, offer, request.raw.socket.localAddress);
    return reply.code(201).header('location', `/api/v1/rooms/${id}/call/${participant}`).type(SDP).send(answer);
  });
  scope.delete(PATH, route, async (request, reply) => {
    const { call, user } = await find(request);
    call.disconnect((request.params as CallParams).participant, user);
    return reply.code(204).send();
  });
}
