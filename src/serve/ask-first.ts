/**
 * Lets the other nodes of a cluster answer before this one.
 * In: requests. Out: calls of the own responders for what no other node owns.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InternalRequests } from '../cluster/requests/internal-requests.ts';
import type { MediaResponder } from './media/media.ts';
import type { OtherNodes } from './other-nodes.ts';

/** Media of all nodes. */
export function withMediaOf(others: OtherNodes | undefined, own: MediaResponder): MediaResponder {
  if (!others) return own;
  return {
    waitLimiter: own.waitLimiter,
    async respond(exchange, target) {
      const taken = others.media(exchange, target);
      if (taken === false || !(await taken)) await own.respond(exchange, target);
    },
    refuse(exchange, reason) {
      if (!others.refuse(exchange, reason)) own.refuse(exchange, reason);
    },
  };
}

/** Requests of all nodes that are not for media. @param internal answers what nodes request of each other */
export function withRequestsOf(
  others: OtherNodes | undefined,
  internal: InternalRequests | undefined,
  own: (request: IncomingMessage, response: ServerResponse) => void,
): (request: IncomingMessage, response: ServerResponse) => void {
  if (!others) return own;
  return (request, response) => {
    if (internal?.(request, response)) return;
    const taken = others.request(request, response);
    if (taken === false) own(request, response);
    else if (taken !== true) {
      void taken.then((isTaken) => {
        if (!isTaken && !response.destroyed) own(request, response);
      });
    }
  };
}
