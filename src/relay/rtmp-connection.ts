/**
 * A relay to an RTMP or RTMPS server.
 * In: checked addresses; runs and frames. Out: FLV messages over wire/rtmp. Timestamps are UTC since the first frame: they continue over
 * runs, and gaps remain gaps.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { LeftOutTrack } from '../api/left-out.ts';
import { messageOf } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import type { RunContext } from '../live/sink.ts';
import { LiveFlvMuxer } from '../media/flv/live-muxer.ts';
import { enhancedCodecOf } from '../media/flv/muxer-codecs.ts';
import type { Frame } from '../media/frame.ts';
import type { CheckedHost } from '../net/net.ts';
import { connectRtmp, type RtmpClient } from '../wire/rtmp/client.ts';
import type { ConnectRequest, RelayConnection } from './connection.ts';

/** The program, as servers show it: the part in parentheses is what they check. */
const USER_AGENT = `FMLE/3.0 (compatible; oxbow/${version})`;

/** Connects to an RTMP server, which accepts media when this resolves. */
export async function connectRtmpRelay({ target, host, context, signal }: ConnectRequest): Promise<RelayConnection> {
  const relay = new RtmpRelay();
  const client = await connectRtmp({
    url: target.url,
    connect: (options) => openSocket(host, target.protocol === 'rtmps', options),
    fourCcs: context.tracks.flatMap((track) => enhancedCodecOf(track) ?? []),
    userAgent: USER_AGENT,
    signal,
    onDrain: () => relay.drain(),
  });
  try {
    await client.publish();
  } catch (error) {
    await client.close();
    throw error;
  }
  relay.begin(client);
  return relay;
}

class RtmpRelay implements RelayConnection {
  readonly takesBursts = true;
  sentBytes = 0;
  lostFrames = 0;
  #client: RtmpClient | undefined;
  #closed: Promise<string> = Promise.resolve('');
  #muxer: LiveFlvMuxer | undefined;
  #wake: (() => void) | undefined;
  #isOver = false;

  begin(client: RtmpClient): void {
    this.#client = client;
    const fourCcs = client.serverFourCcs;
    this.#muxer = new LiveFlvMuxer({ enhanced: fourCcs.size > 0, fourCcs, encoder: `oxbow/${version}` });
    this.#closed = client.closed.finally(() => {
      this.#isOver = true;
      this.drain();
    });
  }

  get closed(): Promise<string> {
    return this.#closed;
  }

  startRun({ tracks, run }: RunContext): readonly LeftOutTrack[] {
    return this.#muxer?.startRun(tracks, run) ?? [];
  }

  write(frame: Frame): boolean {
    const client = this.#client;
    if (!client || !this.#muxer) return true;
    let isFree = true;
    for (const { type, timestampMs, body } of this.#muxer.frame(frame)) {
      this.sentBytes += body.length;
      isFree = client.write(type, timestampMs, body) && isFree;
    }
    return isFree;
  }

  drain(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#isOver || this.#client?.queuedBytes === 0) this.drain();
    });
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }
}

/**
 * Connects to the first address that answers.
 *
 * @throws Error with the reason of the last one; the signal's reason
 */
async function openSocket(host: CheckedHost, isTls: boolean, { signal }: { signal: AbortSignal }): Promise<Socket> {
  let last: unknown;
  for (const { address } of host.addresses) {
    signal.throwIfAborted();
    try {
      return await openOne(address, host, isTls, signal);
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw last;
}

function openOne(address: string, { host, port }: CheckedHost, isTls: boolean, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // The address is checked: the name is only for the certificate.
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = isTls ? connectTls({ host: address, port, ...servername }) : connectTcp({ host: address, port });
    const fail = (error: unknown) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onError = (error: Error) => fail(new Error(`${host} port ${port}: ${messageOf(error)}`, { cause: error }));
    const onOpen = () => {
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    };
    const opened = isTls ? 'secureConnect' : 'connect';
    const settle = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off(opened, onOpen);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once(opened, onOpen);
  });
}
