/**
 * Handling of the rest of a body after its request was refused: it is thrown away for a moment, so that the
 * client can read why, and then the connection ends.
 * In: a request with its response. Out: a connection that is free or closed. RFC 9112 9.6; RFC 9113 8.1.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

/** A client may continue to send for this time, ms. */
const PATIENCE_MS = 5000;
const NO_ERROR = 0;

/** Prepares it; call it before the answer. */
export function discardUnread(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.readableEnded || request.destroyed) return;
    const { stream } = request as { stream?: ServerHttp2Stream };
    request.on('error', () => undefined);
    request.resume();
    if (stream) {
      stream.close(NO_ERROR);
      return;
    }
    const timer = setTimeout(() => request.destroy(), PATIENCE_MS);
    request.once('close', () => clearTimeout(timer));
  });
}
