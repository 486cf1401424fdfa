/**
 * A TCP relay in front of an RTMP server, which sees when the first key frame passes.
 * In: the address that an encoder publishes to. Out: an address that leads there, and a time.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The relay; disposing ends it and its connections. */
interface KeyFrameTap extends AsyncDisposable {
  /** Where to publish instead. */
  readonly url: string;
  /** When the first bytes of the first key frame passed, ms since 1970. */
  readonly keyFrameMs: Promise<number>;
}

/**
 * End of the header of a video message, with or without its message stream (RTMP 1.0 5.3.1.2: type 9), then a
 * key frame of AVC that is not its sequence header (FLV 10.1 E.4.3.1).
 */
const KEY_FRAMES = [Buffer.from([9, 1, 0, 0, 0, 0x17, 1]), Buffer.from([9, 0x17, 1])];
const LONGEST = 7;

/** Opens a relay to an `rtmp://` address. */
export async function openKeyFrameTap(url: string): Promise<KeyFrameTap> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  const { promise: keyFrameMs, resolve } = Promise.withResolvers<number>();
  const join = (from: Socket, other: Socket) => {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => undefined).on('close', () => other.destroy());
    from.pipe(other);
  };
  const server = createServer((encoder) => {
    const oxbow = connect(Number(to.port), to.hostname);
    let tail = Buffer.alloc(0);
    const look = (bytes: Buffer) => {
      const buffer = Buffer.concat([tail, bytes]);
      tail = buffer.subarray(Math.max(0, buffer.length - LONGEST + 1));
      if (!KEY_FRAMES.some((pattern) => buffer.includes(pattern))) return;
      resolve(performance.timeOrigin + performance.now());
      encoder.off('data', look);
    };
    encoder.on('data', look);
    join(encoder, oxbow);
    join(oxbow, encoder);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `rtmp://127.0.0.1:${port}${to.pathname}${to.search}`,
    keyFrameMs,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
