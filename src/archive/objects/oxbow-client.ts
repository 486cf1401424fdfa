/**
 * The vault of another oxbow as a bucket.
 * In: a target of the settings. Out: ObjectClient. Requests go to the address of an administrator, over
 * connections that are kept; none is repeated.
 */

import type { IncomingMessage } from 'node:http';
import { http, https } from '../../lib/memory/node-http.ts';
import { refuseOtherProtocol } from '../../lib/other-protocol.ts';
import {
  type ClientOptions,
  CONNECT_MS,
  hashOf,
  IDLE_MS,
  type ListedObject,
  type ListOptions,
  NO_SUMS,
  type ObjectClient,
  ObjectError,
  type ObjectHead,
  type ObjectSource,
  type PartialUpload,
  type PutOptions,
  type PutSums,
  partBytesOf,
  putInParts,
  SEND_MS,
  sendRequest,
} from './object-client.ts';

/** Longest body of a request, and of an answer, bytes. */
export const MAX_VAULT_BODY = 64 * 1024 * 1024;
/** Objects of one page of a list. */
export const VAULT_PAGE = 1000;
/** Connections to a vault; further requests wait. */
const MAX_SOCKETS = 8;

/** Settings of a client. */
export interface OxbowOptions {
  /** Address of the other server. */
  readonly endpoint: string;
  readonly secret: string;
}

interface Asked {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Opens a client. No request is made. */
export function openOxbowClient(options: OxbowOptions): ObjectClient {
  return new OxbowClient(options);
}

class OxbowClient implements ObjectClient {
  readonly parts: undefined;
  readonly #origin: URL;
  readonly #secret: string;
  readonly #agent: import('node:http').Agent;

  constructor({ endpoint, secret }: OxbowOptions) {
    this.#origin = new URL(endpoint);
    this.#secret = secret;
    const { Agent } = this.#origin.protocol === 'https:' ? https : http;
    this.#agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_MS });
  }

  async check({ signal }: ClientOptions = {}): Promise<void> {
    await this.#need('use the vault', { method: 'GET', path: '' }, signal);
  }

  async put(key: string, source: ObjectSource, options: PutOptions = {}): Promise<PutSums> {
    const { signal, sent, hasChecksum } = options;
    if (!hasChecksum && source.size > partBytesOf(source.size)) return this.#putParts(key, source, options);
    const body = await source.read(0, source.size);
    const sha256 = hasChecksum ? undefined : hashOf('sha256', body);
    const query = { key, ...(sha256 !== undefined && { sha256 }) };
    await this.#need('put an object', { method: 'PUT', path: '/object', query, body }, signal, SEND_MS);
    sent?.(body.length);
    return sha256 === undefined ? NO_SUMS : { hash: 'sha256', tag: sha256, isChecked: true };
  }

  #putParts(key: string, source: ObjectSource, options: PutOptions): Promise<PutSums> {
    const { signal } = options;
    const partBytes = partBytesOf(source.size);
    return putInParts(
      source,
      {
        hash: 'sha256',
        isChecked: true,
        begin: async () => {
          const { body } = await this.#need('begin an object', { method: 'POST', path: '/uploads' }, signal);
          return (JSON.parse(body.toString()) as { id: string }).id;
        },
        send: async (id, index, body, sha256) => {
          const query = { offset: index * partBytes, sha256 };
          const asked = { method: 'PUT', path: `/uploads/${id}`, query, body } as const;
          return (await this.#ask('send a part', asked, signal, SEND_MS)) ? sha256 : 'lost';
        },
        complete: async (id) => {
          const body = Buffer.from(JSON.stringify({ key, size: source.size }));
          const contentType = 'application/json';
          const asked = { method: 'POST', path: `/uploads/${id}/complete`, body, contentType } as const;
          return (await this.#ask('complete an object', asked, signal, SEND_MS)) ? 'done' : 'lost';
        },
        abandon: (upload) => this.abandon(key, upload, { signal }),
      },
      options,
    );
  }

  async read(
    key: string,
    { offset, length }: { readonly offset: number; readonly length: number },
    { signal }: ClientOptions = {},
  ): Promise<Uint8Array | undefined> {
    const asked = { method: 'GET', path: '/object', query: { key, offset, length } } as const;
    return (await this.#ask('read an object', asked, signal))?.body;
  }

  async head(key: string, { signal }: ClientOptions = {}): Promise<ObjectHead | undefined> {
    const answer = await this.#ask('look at an object', { method: 'GET', path: '/head', query: { key } }, signal);
    return answer && (JSON.parse(answer.body.toString()) as ObjectHead);
  }

  async delete(key: string, { signal }: ClientOptions = {}): Promise<void> {
    await this.#need('delete an object', { method: 'DELETE', path: '/object', query: { key } }, signal);
  }

  async abandon(_: string, { uploadId }: PartialUpload, { signal }: ClientOptions = {}): Promise<void> {
    await this.#need('discard an object', { method: 'DELETE', path: `/uploads/${uploadId}` }, signal);
  }

  async *list(prefix: string, { signal, after: from = '' }: ListOptions = {}): AsyncGenerator<ListedObject> {
    for (let after = from; ; ) {
      const asked = { method: 'GET', path: '/objects', query: { prefix, after } } as const;
      const { body } = await this.#need('list the vault', asked, signal);
      const { objects } = JSON.parse(body.toString()) as { objects: ListedObject[] };
      yield* objects;
      if (objects.length < VAULT_PAGE) return;
      after = objects.at(-1)!.key;
    }
  }

  async presign(): Promise<string> {
    throw new ObjectError('a vault has no addresses for viewers');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
  }

  async #need(what: string, asked: Asked, signal: AbortSignal | undefined, limitMs?: number): Promise<Answer> {
    const answer = await this.#ask(what, asked, signal, limitMs);
    if (!answer) throw new ObjectError(`could not ${what}: the vault does not have it`);
    return answer;
  }

  /** @returns undefined: it is gone (410) */
  #ask(what: string, asked: Asked, signal: AbortSignal | undefined, limitMs?: number): Promise<Answer | undefined> {
    return sendRequest({
      what,
      signal,
      limitMs,
      describe: (error) => (error as Error).message.slice(0, 300),
      send: async (ends) => {
        const { status, body } = await this.#request(asked, ends);
        if (status === 410) return undefined;
        if (status < 200 || status > 299) throw new ObjectError(`could not ${what}: ${status} ${detailOf(body)}`);
        return { status, body };
      },
    });
  }

  async #request({ method, path, query = {}, body, contentType }: Asked, signal: AbortSignal): Promise<Answer> {
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, `${value}`]),
    );
    const base = this.#origin.pathname.replace(/\/+$/, '');
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = (this.#origin.protocol === 'https:' ? https : http).request({
      agent: this.#agent,
      method,
      protocol: this.#origin.protocol,
      hostname: this.#origin.hostname.replace(/^\[|\]$/g, ''),
      port: this.#origin.port || undefined,
      path: `${base}/api/v1/vault${path}${search.size > 0 ? `?${search}` : ''}`,
      signal,
      timeout: CONNECT_MS + IDLE_MS,
      headers: {
        'oxbow-vault': this.#secret,
        ...(body && { 'content-type': contentType ?? 'application/octet-stream', 'content-length': body.length }),
      },
    });
    request.once('response', resolve);
    request.on('error', reject);
    refuseOtherProtocol(request);
    request.once('timeout', () => request.destroy(new Error('the vault does not answer')));
    request.end(body);
    const response = await promise;
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > MAX_VAULT_BODY) throw new ObjectError('the answer of the vault is too long');
      pieces.push(piece);
    }
    return { status: response.statusCode ?? 0, body: Buffer.concat(pieces) };
  }
}

/** The sentence of a problem document, RFC 9457. */
function detailOf(body: Buffer): string {
  try {
    const { detail } = JSON.parse(body.toString()) as { detail?: unknown };
    return typeof detail === 'string' ? detail : '';
  } catch {
    return '';
  }
}
