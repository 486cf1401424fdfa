/**
 * An RTSP server whose answers a test decides.
 * In: a function of each request. Out: its port, what it was asked, packets and requests to its clients. Used
 * by tests only.
 */
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  printPacket,
  printRequest,
  printResponse,
  type RtspFields,
  type RtspMessage,
  type RtspRequest,
} from './message.ts';
import { RtspReader } from './message-reader.ts';

/** An answer; undefined: none. */
export type ScriptedAnswer =
  | {
      readonly status: number;
      readonly fields?: RtspFields;
      readonly body?: string;
      readonly withoutSequence?: boolean;
    }
  | undefined;

/** A running server. */
export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  /** Everything that clients sent. */
  readonly messages: readonly RtspMessage[];
  /** Methods of the requests, in their order. */
  readonly methods: readonly string[];
  /** Packets of clients. */
  readonly packets: readonly (readonly [channel: number, hex: string])[];
  /** Resolves when `done` holds after a message or packet of a client. */
  until(done: () => boolean): Promise<void>;
  /** Sends to all clients. */
  send(bytes: Uint8Array): void;
  /** Sends a packet to all clients. */
  packet(channel: number, packet: Uint8Array): void;
  /** Sends a request to all clients. */
  request(method: string): void;
  /** Ends all connections. */
  drop(): void;
}

/** Opens the server. @param answer called with each request; `sequence` counts them from 0 */
export async function openRtspServer(
  answer: (request: RtspRequest, sequence: number) => ScriptedAnswer,
): Promise<ScriptedServer> {
  const messages: RtspMessage[] = [];
  const packets: (readonly [number, string])[] = [];
  const changed = new EventEmitter();
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const reader = new RtspReader({
      message(message) {
        messages.push(message);
        if (message.kind === 'request') {
          const found = answer(message, count++);
          const sequence = found?.withoutSequence ? undefined : message.headers.get('cseq');
          if (found)
            socket.write(printResponse(found.status, 'Words', { CSeq: sequence, ...found.fields }, found.body));
        }
        changed.emit('change');
      },
      packet(channel, packet) {
        packets.push([channel, Buffer.from(packet).toString('hex')]);
        changed.emit('change');
      },
    });
    socket.on('data', (bytes) => reader.push(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const send = (bytes: Uint8Array) => {
    for (const socket of sockets) socket.write(bytes);
  };
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    packets,
    get methods() {
      return messages.flatMap((message) => (message.kind === 'request' ? message.method : []));
    },
    until: (done) =>
      new Promise((resolve) => {
        const look = () => {
          if (!done()) return;
          changed.off('change', look);
          resolve();
        };
        changed.on('change', look);
        changed.emit('change');
      }),
    send,
    packet: (channel, packet) => send(printPacket(channel, packet)),
    request: (method) => send(printRequest(method, '*', { CSeq: 77 })),
    drop,
    async [Symbol.asyncDispose]() {
      drop();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A description with one Opus track. */
export const OPUS_SDP = [
  ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=x', 't=0 0', 'a=control:*'],
  ...['m=audio 0 RTP/AVP 96', 'a=rtpmap:96 opus/48000/2', 'a=control:track1', ''],
].join('\r\n');

/** Answers as a server with this description does. */
export function answerWith(sdp: string, { method, headers }: RtspRequest): ScriptedAnswer {
  switch (method) {
    case 'OPTIONS':
      return { status: 200, fields: { Public: 'DESCRIBE, SETUP, PLAY, TEARDOWN' } };
    case 'DESCRIBE':
      return { status: 200, body: sdp };
    case 'SETUP':
      return { status: 200, fields: { Session: 'abc;timeout=60', Transport: headers.get('transport') } };
    default:
      return { status: 200 };
  }
}
