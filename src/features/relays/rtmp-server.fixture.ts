/**
 * An RTMP server that keeps what it receives, for tests of relays.
 * In: connections. Out: messages, tracks and frames.
 * Waits for wall time: what arrives over a real socket is waited for, with a limit for a test that fails.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createFlvDemuxer } from '@oxbow/media/flv/demuxer';
import type { Frame, Track } from '@oxbow/media/frame';
import { acceptRtmp } from '@oxbow/wire/rtmp/server';
import { RtmpRefusal, rtmpLimits } from '@oxbow/wire/rtmp/server-contract';

/** One publisher at the server. */
export interface Received {
  readonly playPath: string;
  readonly tracks: (readonly Track[])[];
  readonly frames: Frame[];
  readonly timesMs: number[];
}

/** A server on a free port of this computer. */
export class RtmpTestServer implements AsyncDisposable {
  readonly received: Received[] = [];
  readonly sockets = new Set<Socket>();
  /** Connections since the start. */
  connections = 0;
  /** Refuses publishers, with this description. */
  refusal: string | undefined;
  /** Reads nothing of what publishers send. */
  isStalled = false;
  fourCcs: readonly string[] = [];
  #server: Server;
  #changed = Promise.withResolvers<void>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param port 0 picks a free one */
  static async open(port = 0): Promise<RtmpTestServer> {
    const server = createServer({ noDelay: true }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    const test = new RtmpTestServer(server);
    server.on('connection', (socket) => test.#accept(socket));
    return test;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when `is` holds after something has arrived or left. */
  async until(is: () => boolean): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`not within 60 s: ${is}`)), 60_000);
    try {
      while (!is()) await Promise.race([this.#changed.promise, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Disconnects everyone. */
  drop(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.#change();
    });
    const connection = acceptRtmp(
      socket,
      {
        abilities: { video: this.fourCcs, audio: this.fourCcs, capsEx: 0 },
        connect: () => undefined,
        publish: async ({ playPath }) => {
          if (this.refusal !== undefined) throw new RtmpRefusal('NetStream.Publish.BadName', this.refusal);
          const one: Received = { playPath, tracks: [], frames: [], timesMs: [] };
          this.received.push(one);
          this.#change();
          const demuxer = createFlvDemuxer({
            tracks: (tracks) => one.tracks.push(tracks),
            frame: (frame) => one.frames.push(frame),
            damage: () => undefined,
          });
          if (this.isStalled) setImmediate(() => socket.pause());
          return {
            message: (type, timeMs, body) => {
              one.timesMs.push(timeMs);
              if (type === 8) demuxer.audio(body, timeMs);
              else if (type === 9) demuxer.video(body, timeMs);
              else demuxer.data(body, timeMs);
              this.#change();
            },
            end: () => {
              demuxer.flush();
              this.#change();
            },
          };
        },
        closed: () => this.#change(),
      },
      rtmpLimits,
    );
    socket.on('data', (bytes) => connection.push(bytes));
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
