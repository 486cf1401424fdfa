/**
 * Sends requests with XMLHttpRequest, which reports how much of a body has been sent; `fetch` does not.
 * In: a request. Out: its answer.
 */
import type { SendRaw } from '../../../src/client/upload/http-chunk-server.ts';

/** The sender of this page; the session is a cookie. */
export const sendByXhr: SendRaw = ({ method, url, headers, body }, { signal, sent }) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (sent) request.upload.addEventListener('progress', ({ loaded }) => sent(loaded));
    const abort = () => request.abort();
    signal.addEventListener('abort', abort);
    request.addEventListener('loadend', () => {
      signal.removeEventListener('abort', abort);
      if (signal.aborted) reject(signal.reason);
      else if (request.status === 0) reject(new TypeError('no answer'));
      else resolve({ status: request.status, body: request.responseText });
    });
    request.send(body ?? null);
  });
