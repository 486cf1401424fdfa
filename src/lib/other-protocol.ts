/**
 * Answers that change the protocol although the request did not want it: Node detaches the connection and
 * ends the request without an error or an answer. RFC 9110 15.2.2.
 * In: requests that have handlers of `response` and `error`. Out: an error of the request.
 */
import type { ClientRequest } from 'node:http';

/** Makes an unrequested change of protocol an `error` of the request; its connection is closed. */
export function refuseOtherProtocol(outgoing: ClientRequest): void {
  outgoing.once('upgrade', (_, socket) => {
    socket.destroy();
    // The request counts as destroyed already, so that `destroy` would emit nothing.
    outgoing.emit('error', new Error('the server answers with another protocol than HTTP'));
  });
}
