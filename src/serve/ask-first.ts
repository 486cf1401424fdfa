/**
 * Lets the other nodes of a cluster answer before this one.
 * In: requests. Out: calls of the responders of this node for objects that no other node owns.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InternalRequests } from '../cluster/requests/internal-requests.ts';
import type { MediaResponder } from './media/media.ts';
import type { OtherNodes } from './other-nodes.ts';

/** Media of all nodes. */
export function withMediaOf(others: OtherNodes | undefined, media: MediaResponder): MediaResponder {
  if (!others) return media;
  return {
    waitLimiter: media.waitLimiter,
    async respond(exchange, target) {
      const taken = others.media(exchange, target);
      if (taken === false || !(await taken)) await media.respond(exchange, target);
    },
    refuse(exchange, reason) {
      if (!others.refuse(exchange, reason)) media.refuse(exchange, reason);
    },
  };
}

/** Requests of all nodes that are not for media. @param internal answers requests of nodes to each other */
export function withRequestsOf(
  others: OtherNodes | undefined,
  internal: InternalRequests | undefined,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): (request: IncomingMessage, response: ServerResponse) => void {
  if (!others) return handler;
  return (request, response) => {
    if (internal?.(request, response)) return;
    const taken = others.request(request, response);
    if (taken === false) handler(request, response);
    else if (taken !== true) {
      void taken.then((isTaken) => {
        if (!isTaken && !response.destroyed) handler(request, response);
      });
    }
  };
}
