/**
 * Passes to the origin the requests for everything that an edge does not keep: pages, the API, events,
 * uploads, clips, reports of players, WebSockets.
 * In: requests of clients. Out: the origin's responses, as they come. RFC 9110 7.6; RFC 6455 4.2.
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { type Duplex, pipeline } from 'node:stream';
import { MAX_SIGNED_BYTES, type SignedBody } from '../cluster/requests/node-signature.ts';
import { streamsBody } from '../cluster/requests/streamed-bodies.ts';
import { OxbowError } from '../lib/errors.ts';
import { refuseOtherProtocol } from '../lib/other-protocol.ts';
import type { Exchange, HeadFields } from '../serve/exchange/exchange.ts';
import { sendBlocks } from '../serve/exchange/send.ts';
import { OriginRequests, type OriginRequestsOptions, type PassedHead } from './origin-requests.ts';
import { framingOf, passedFields, printHead } from './passed-fields.ts';
import { isRefusal } from './refusal.ts';
import { readWhole } from './whole-body.ts';

/** The frame that closes a WebSocket: 1001, the server goes away. RFC 6455 5.5.1. */
const GOING_AWAY = Buffer.from([0x88, 0x02, 0x03, 0xe9]);
/** Longest report of a player, bytes. */
const MAX_REPORT_BYTES = 16 * 1024;

/** A whole answer. */
interface PassedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Called with the refusal of a request that the origin does not answer. */
type Failed = (reason: OxbowError) => void;

/** Connections to the origin are made when they are needed. */
export class Passer implements Disposable {
  readonly #requests: OriginRequests;
  /** Clients of WebSockets, with the connection to the origin. */
  readonly #clients = new Map<Duplex, Duplex>();

  constructor(options: OriginRequestsOptions) {
    this.#requests = new OriginRequests(options);
  }

  /**
   * Passes on a request for media, or a report of a player. Rejects with an OxbowError if the origin does not
   * answer.
   */
  async exchange(exchange: Exchange): Promise<void> {
    this.#refuseIfBusy();
    const report = exchange.method === 'POST' ? Buffer.from(await exchange.text(MAX_REPORT_BYTES)) : undefined;
    const fields: Record<string, string> = report ? { 'content-length': String(report.length) } : {};
    const outgoing = this.#requests.open(exchange, fields, report);
    let isGone = false;
    const gone = () => {
      isGone = true;
      outgoing.destroy();
    };
    exchange.body.on('close', gone);
    try {
      const incoming = await responseTo(outgoing, report);
      exchange.head(incoming.statusCode!, passedFields(incoming.headers) as HeadFields);
      if (exchange.method === 'HEAD') exchange.body.end();
      else
        await sendBlocks(
          exchange,
          this.#bytesOf(incoming, () => isGone),
        );
    } catch (error) {
      if (isGone) return;
      throw isRefusal(error) ? error : this.#requests.unanswered(error);
    } finally {
      exchange.body.off('close', gone);
      outgoing.destroy();
    }
  }

  /** Passes on any other request. @param failed called if nothing was sent */
  request(request: IncomingMessage, response: ServerResponse, failed: Failed): void {
    const refusal = this.#refusal();
    if (refusal) return void failed(refusal);
    const { method = 'GET', url: target = '/' } = request;
    const framing = framingOf(request);
    const hasBody = (framing['content-length'] ?? framing['transfer-encoding'] ?? '0') !== '0';
    const pass = (body: SignedBody) => this.#send(request, response, body, failed);
    if (!hasBody) return void pass(undefined);
    if (!this.#requests.areSigned || streamsBody(method, target)) return void pass('streamed');
    const reading = readWhole(request, MAX_SIGNED_BYTES);
    void reading.bytes
      .finally(this.#requests.begin(reading))
      .then(pass, (error: Error) => failed(error instanceof OxbowError ? error : this.#requests.unanswered(error)));
  }

  /** Passes on a request for a WebSocket. @param failed default: the connection ends */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, failed: Failed = () => socket.destroy()): void {
    const refusal = this.#refusal();
    if (refusal) return void failed(refusal);
    const outgoing = this.#requests.open(headOf(request), { connection: 'Upgrade', upgrade: 'websocket' });
    let isAnswered = false;
    const broken = () => socket.destroy();
    const gone = () => outgoing.destroy();
    socket.on('error', broken);
    socket.once('close', gone);
    outgoing.on('error', (error) => {
      if (isAnswered || socket.destroyed) return void socket.destroy();
      // Another server may have it.
      socket.off('error', broken).off('close', gone);
      failed(this.#requests.unanswered(error));
    });
    outgoing.on('response', (incoming) => {
      isAnswered = true;
      socket.write(printHead(incoming, { connection: 'close' }));
      pipeline(incoming, socket, () => {});
    });
    outgoing.on('upgrade', (incoming, other: Duplex, first) => {
      isAnswered = true;
      outgoing.setTimeout(0);
      socket.write(printHead(incoming, { connection: 'Upgrade', upgrade: 'websocket' }));
      if (first.length > 0) socket.write(first);
      if (head.length > 0) other.write(head);
      this.#join(socket, other);
    });
    outgoing.end();
  }

  /**
   * Sends the request of a client, and reads the answer.
   *
   * @param options.json a body that takes the place of the client's
   * @throws OxbowError `not-ready` if it does not come in time, or is longer
   */
  async ask(
    head: PassedHead,
    { timeoutMs, maxBytes, json }: { readonly timeoutMs: number; readonly maxBytes: number; readonly json?: Buffer },
  ): Promise<PassedAnswer> {
    this.#refuseIfBusy();
    const fields: Record<string, string> = json
      ? { 'content-type': 'application/json', 'content-length': String(json.length) }
      : {};
    const outgoing = this.#requests.open(head, fields, json);
    const late = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      const incoming = await responseTo(outgoing, json);
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
      return { status: incoming.statusCode!, headers: incoming.headers, body: Buffer.concat(chunks) };
    } catch (error) {
      outgoing.destroy();
      throw this.#requests.unanswered(error);
    } finally {
      clearTimeout(late);
    }
  }

  /** Ends WebSockets; their clients may connect to another server. */
  leave(): void {
    for (const [socket, other] of this.#clients) {
      other.unpipe(socket);
      socket.end(GOING_AWAY);
    }
  }

  /** Ends everything that is under way: the origin is gone. */
  cut(): void {
    this.#requests.cut();
  }

  [Symbol.dispose](): void {
    this.#requests[Symbol.dispose]();
  }

  /** Upgraded connections are not counted: they have no further answer. */
  #refusal(): OxbowError | undefined {
    return this.#requests.refusal(this.#clients.size);
  }

  #refuseIfBusy(): void {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
  }

  /** The origin's bytes. They end where the client disconnects, which has ended the request. */
  async *#bytesOf(incoming: IncomingMessage, isGone: () => boolean): AsyncGenerator<Uint8Array> {
    try {
      yield* incoming as AsyncIterable<Buffer>;
    } catch (error) {
      if (!isGone()) throw this.#requests.unanswered(error);
    }
  }

  #send(request: IncomingMessage, response: ServerResponse, body: SignedBody, failed: Failed): void {
    const isRead = body !== undefined && body !== 'streamed';
    const framing = isRead ? { 'content-length': String(body.length) } : framingOf(request);
    const outgoing = this.#requests.open(headOf(request), framing, body);
    refuseOtherProtocol(outgoing);
    outgoing.on('response', (incoming) => {
      response.writeHead(incoming.statusCode!, passedFields(incoming.headers) as never);
      pipeline(incoming, response, () => {});
    });
    outgoing.on('error', (error) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else failed(this.#requests.unanswered(error));
    });
    response.once('close', () => outgoing.destroy());
    request.on('error', () => outgoing.destroy());
    if (isRead) outgoing.end(body);
    else request.pipe(outgoing);
  }

  /** Joins a client with the connection to the origin. */
  #join(socket: Duplex, other: Duplex): void {
    const end = this.#requests.begin(other);
    this.#clients.set(socket, other);
    other.on('error', () => other.destroy());
    other.once('close', () => {
      end();
      socket.destroy();
    });
    socket.once('close', () => {
      this.#clients.delete(socket);
      other.destroy();
    });
    socket.pipe(other);
    other.pipe(socket);
  }
}

function headOf({ method = 'GET', url: target = '/', headers, socket }: IncomingMessage): PassedHead {
  return { method, target, headers, remoteAddress: socket.remoteAddress ?? '' };
}

/** Sends the request. Rejects with the system's error. */
function responseTo(outgoing: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
    refuseOtherProtocol(outgoing);
    outgoing.end(body);
  });
}
