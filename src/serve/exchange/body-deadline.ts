/**
 * The time limit of a whole request, which node:http has for all requests or for none: an upload or an output
 * of a worker may take hours, everything else a minute.
 * In: requests of node:http. Out: connections of slow clients end. RFC 9110 15.5.9.
 */
import type { IncomingMessage } from 'node:http';

/**
 * Paths of uploads, of outputs of workers, of files that heal a recording and of objects for a vault. They
 * have their own limit: the time without any byte.
 */
const UPLOADS =
  /^\/api\/v1\/(?:uploads?|jobs\/[^/?]+\/outputs|streams\/[^/?]+\/heal|vault\/(?:object|uploads))(?:[/?]|$)/;

const TIMEOUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

/**
 * Ends the connection if the body has not arrived completely after `ms`.
 *
 * @param ms milliseconds from the end of the head
 */
export function limitBody(request: IncomingMessage, ms: number): void {
  const { headers, url = '' } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody || UPLOADS.test(url)) return;
  const { socket } = request;
  const timer = setTimeout(() => {
    if (socket.writable && !request.complete) socket.write(TIMEOUT);
    socket.destroy();
  }, ms);
  const stop = () => {
    clearTimeout(timer);
    socket.off('close', stop);
  };
  request.once('end', stop);
  request.once('close', stop);
  socket.once('close', stop); // node does not close the request whose body was refused
}
