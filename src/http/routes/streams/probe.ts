/**
 * The route that probes a source.
 * In: POST /api/v1/probe. Out: ProbeView. The probe ends when the client disconnects.
 */
import { ProbeRequest, ProbeView } from '../../../api/probe.ts';
import { defineRoute, type Route } from '../../route/route.ts';

/** The rows. */
export const probeRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/probe',
    tag: 'streams',
    access: 'admin',
    limit: 'probe',
    sentence:
      'Probes a source URL: its protocol, tracks and qualities, and how far back it goes. The URL itself may be private; private addresses that it redirects or links to must be in `net.allow`.',
    body: ProbeRequest,
    replies: { 200: ProbeView },
    answer: async ({ body, signal, traceparent }, { probe }) => ({ body: await probe(body, { signal, traceparent }) }),
  }),
];
