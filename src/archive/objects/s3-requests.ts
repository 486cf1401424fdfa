/**
 * PUT and HEAD of S3 by HTTPS without the SDK, which takes some ms of CPU for each request. Where to send
 * them is learned from a request of the SDK.
 * In: keys, bytes, credentials of the SDK. Out: statuses and headers; undefined where the SDK must do it.
 * AWS Signature Version 4, with `UNSIGNED-PAYLOAD`: TLS protects the bytes. docs/decisions/0130.
 */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { refuseOtherProtocol } from '../../lib/other-protocol.ts';
import { IDLE_MS } from './object-client.ts';

const UNSIGNED = 'UNSIGNED-PAYLOAD';
/** Connections at a time; more requests wait. */
const MAX_SOCKETS = 8;

/** What the SDK signs with. */
interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Read for each request: credentials of a machine change. */
interface S3Signer {
  credentials(): Promise<S3Credentials>;
  region(): Promise<string>;
}

/** Where the SDK has sent a request to; the path is encoded. */
interface SdkRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
}

interface S3Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** Sends requests. Disposing closes connections. */
export class S3Requests implements Disposable {
  readonly #signer: S3Signer;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  /** What is before the key; undefined: not learned yet. */
  #place: { readonly hostname: string; readonly port: number | undefined; readonly base: string } | undefined;
  /** A server has refused one that the SDK may send: all others go there. */
  #isOff = false;
  #signingKey: { readonly name: string; readonly key: Buffer } | undefined;

  constructor(signer: S3Signer) {
    this.#signer = signer;
  }

  /** Takes the place of the bucket from a request of the SDK that succeeded. @param key of its object */
  learn({ protocol, hostname, port, path }: SdkRequest, key: string): void {
    const end = encodeKey(key);
    if (this.#place || protocol !== 'https:' || !path.endsWith(`/${end}`)) return;
    this.#place = { hostname, port, base: path.slice(0, path.length - end.length) };
  }

  /**
   * Sends a request whose success is 200.
   *
   * @param headers lower-case names
   * @returns undefined if the SDK must send it: the place is not known, or refuses this one
   */
  async send(
    method: 'PUT' | 'HEAD',
    key: string,
    { headers = {}, body, signal }: { headers?: Record<string, string>; body?: Uint8Array; signal: AbortSignal },
  ): Promise<S3Answer | undefined> {
    const place = this.#place;
    if (!place || this.#isOff) return undefined;
    const { hostname, port } = place;
    const path = `${place.base}${encodeKey(key)}`;
    const host = port === undefined ? hostname : `${hostname}:${port}`;
    const signed = await this.#sign(method, path, { ...headers, host });
    const length = body ? { 'content-length': body.length } : {};
    const answer = await new Promise<S3Answer>((resolve, reject) => {
      // The address of IPv6 is in brackets in a URL only.
      const options = { hostname: hostname.replace(/^\[|\]$/g, ''), port, path, method, agent: this.#agent, signal };
      const sending = request({ ...options, headers: { ...signed, ...length } as OutgoingHttpHeaders }, (incoming) => {
        incoming.resume();
        incoming.once('error', reject);
        incoming.once('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers }));
      });
      sending.setTimeout(IDLE_MS, () => sending.destroy(new Error('the server is silent')));
      sending.once('error', reject);
      refuseOtherProtocol(sending);
      sending.end(body);
    });
    if (answer.status === 200 || (method === 'HEAD' && answer.status === 404)) return answer;
    // It may want another region, time, or form; the SDK says what is wrong.
    if (answer.status < 500) this.#isOff = true;
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #sign(method: string, path: string, fields: Record<string, string>): Promise<Record<string, string>> {
    const { accessKeyId, secretAccessKey, sessionToken } = await this.#signer.credentials();
    const region = await this.#signer.region();
    const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    const headers: Record<string, string> = { ...fields, 'x-amz-content-sha256': UNSIGNED, 'x-amz-date': time };
    if (sessionToken !== undefined) headers['x-amz-security-token'] = sessionToken;
    const names = Object.keys(headers).sort();
    const lines = names.map((name) => `${name}:${headers[name]!.trim()}\n`).join('');
    const list = names.join(';');
    const canonical = `${method}\n${path}\n\n${lines}\n${list}\n${UNSIGNED}`;
    const scope = `${day}/${region}/s3/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`;
    const name = `${secretAccessKey} ${day} ${region}`;
    if (this.#signingKey?.name !== name) {
      const key = [day, region, 's3', 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`) as Buffer;
      this.#signingKey = { name, key };
    }
    const signature = hmac(this.#signingKey.key, text).toString('hex');
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`;
    return headers;
  }
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** The path of a key, as it is signed: all but unreserved characters are encoded (RFC 3986 2.3). */
function encodeKey(key: string): string {
  const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return key
    .split('/')
    .map((part) => encodeURIComponent(part).replace(/[!'()*]/g, hex))
    .join('/');
}
