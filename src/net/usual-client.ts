/**
 * The client of node:http: every request that the lean client does not send.
 * In: a checked URL, headers. Out: a response before redirects.
 */
import type { IncomingMessage } from 'node:http';
import { concatBytes } from '@oxbow/media/bytes';
import { http, https } from '../lib/memory/node-http.ts';
import type { Agents } from './agents.ts';
import { collectBody, readBody, readRaw } from './body.ts';
import { netFailure, shownUrl, toNetFailure } from './failure.ts';
import type { Guard } from './guard.ts';
import type { Patience } from './patience.ts';
import type { Answer, NetResponse } from './response.ts';

/** Largest body of a redirect that is read, bytes. */
export const MAX_REDIRECT_BODY: number = 64 * 1024;

/** A request of one hop. */
export interface Hop {
  readonly url: URL;
  /** Whether an administrator configured the host. */
  readonly trusted: boolean;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly patience: Patience;
  /** On a new connection, which is closed after the response. */
  readonly fresh: boolean;
  readonly maxBytes: number;
}

/** The body of a request that is no GET. */
interface Sent {
  readonly post?: Uint8Array | undefined;
  readonly method?: 'PROPFIND' | 'DELETE' | undefined;
}

/** A kept connection was closed by its server before the request arrived. */
export class StaleConnection extends Error {}

/** The client of node:http. */
export class UsualClient {
  readonly #guard: Guard;
  readonly #agents: Agents;

  constructor(guard: Guard, agents: Agents) {
    this.#guard = guard;
    this.#agents = agents;
  }

  /**
   * @throws StaleConnection; OxbowError `source-failed` or `address-refused`; the reason of `patience`
   */
  async send(hop: Hop, sent: Sent): Promise<Answer> {
    const message = await this.#message(hop, sent);
    return answerOf(message, hop);
  }

  #message({ url, trusted, headers, patience, fresh }: Hop, { post, method }: Sent): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      if (patience.isAborted) return reject(patience.reason);
      const module = url.protocol === 'https:' ? https : http;
      const outgoing = module.request({
        method: post ? (method ?? 'POST') : 'GET',
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port || undefined,
        path: url.pathname + url.search,
        headers,
        agent: this.#agents.of(url, trusted, { fresh }),
        lookup: this.#guard.lookup(trusted),
      });
      // Stays during the body too: the caller may read late or never.
      patience.onAbort((reason) => {
        outgoing.destroy(reason as Error);
        reject(reason); // Node reports it only once a request that waits for a connection gets one
      });
      outgoing.once('response', (message) => {
        patience.touch();
        // A broken connection rejects the iteration; before it starts, this handler prevents an uncaught
        // error.
        message.on('error', () => {});
        resolve(message);
      });
      outgoing.on('error', (error) => {
        const reset = (error as NodeJS.ErrnoException).code === 'ECONNRESET' && outgoing.reusedSocket;
        reject(reset ? new StaleConnection('', { cause: error }) : toNetFailure(error, url));
      });
      // Node ends an unrequested change of protocol (RFC 9110, 15.2.2) without an error.
      outgoing.once('upgrade', (_, socket) => {
        socket.destroy();
        reject(otherProtocol(url));
      });
      outgoing.end(post);
    });
  }
}

/** The error for a response with another protocol than HTTP. */
export function otherProtocol(url: URL): Error {
  return netFailure('connection', `${shownUrl(url)} answers with another protocol than HTTP.`);
}

function answerOf(message: IncomingMessage, { patience, maxBytes }: Hop): Answer {
  return {
    status: message.statusCode ?? 0,
    location: message.headers.location,
    setCookie: message.headers['set-cookie'],
    async drain() {
      try {
        const limits = { url: new URL('redirect:'), maxBytes: MAX_REDIRECT_BODY, patience };
        for await (const _ of readRaw(message, limits));
      } catch {
        patience.throwIfAborted();
      }
    },
    destroy: () => void message.destroy(),
    reply: (url) => replyOf(message, url, maxBytes, patience),
  };
}

function replyOf(message: IncomingMessage, url: URL, maxBytes: number, patience: Patience): NetResponse {
  const limits = { url, maxBytes, patience };
  const pieces = () => collectBody(message, limits);
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    url,
    stream: () => readBody(message, limits),
    pieces,
    async body() {
      const all = await pieces();
      const [only] = all;
      return only && all.length === 1 ? only : concatBytes(all);
    },
    [Symbol.dispose]() {
      patience[Symbol.dispose]();
      if (!message.readableEnded) message.destroy();
    },
  };
}
