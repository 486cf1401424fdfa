/**
 * A look at an address before it is recorded.
 * In: POST /api/v1/probe. Out: ProbeView. Whoever goes away ends the look.
 */
import { ProbeRequest, ProbeView } from '../../api/probe.ts';
import { defineRoute, type Route } from './route.ts';

/** The rows. */
export const probeRoutes: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/probe',
    tag: 'streams',
    access: 'admin',
    limit: 'probe',
    sentence:
      'Looks at an address: what it is, its tracks and qualities, how far back it goes. The address itself may be private; private addresses that it leads to must be in `net.allow`.',
    body: ProbeRequest,
    replies: { 200: ProbeView },
    answer: async ({ body, signal, traceparent }, { probe }) => ({ body: await probe(body, { signal, traceparent }) }),
  }),
];
