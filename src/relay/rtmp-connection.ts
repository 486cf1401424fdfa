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
import { createFlvMuxer, type FlvMuxer } from '../media/flv/muxer.ts';
import { enhancedCodecOf } from '../media/flv/muxer-codecs.ts';
import type { Frame } from '../media/frame.ts';
import { ticksToUs } from '../media/run.ts';
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
  #context: RunContext | undefined;
  #muxer: FlvMuxer | undefined;
  /** UTC of timestamp 0, µs since 1970. */
  #originUs: number | undefined;
  #wake: (() => void) | undefined;
  #isOver = false;

  begin(client: RtmpClient): void {
    this.#client = client;
    this.#closed = client.closed.finally(() => {
      this.#isOver = true;
      this.drain();
    });
  }

  get closed(): Promise<string> {
    return this.#closed;
  }

  startRun(context: RunContext): readonly LeftOutTrack[] {
    this.#context = context;
    this.#muxer = undefined;
    return this.#createMuxer(context, 0).leftOut;
  }

  write(frame: Frame): boolean {
    const client = this.#client;
    const context = this.#context;
    if (!client || !context) return true;
    let isFree = true;
    if (!this.#muxer) {
      const track = context.tracks.find(({ id }) => id === frame.trackId);
      if (!track) return true;
      const { utcOffsetUs } = context.run;
      this.#originUs ??= utcOffsetUs + ticksToUs(frame.dts, track.timescale);
      this.#muxer = this.#createMuxer(context, (this.#originUs - utcOffsetUs) / 1000);
      const heads = [this.#muxer.metadata(), ...this.#muxer.sequenceHeaders()];
      const [first] = this.#muxer.frame(frame);
      const timestampMs = first?.timestampMs ?? 0;
      for (const { type, body } of heads) isFree = client.write(type, timestampMs, body) && isFree;
      if (first) isFree = this.#send(client, first) && isFree;
      return isFree;
    }
    for (const message of this.#muxer.frame(frame)) isFree = this.#send(client, message) && isFree;
    return isFree;
  }

  #send(client: RtmpClient, { type, timestampMs, body }: ReturnType<FlvMuxer['frame']>[number]): boolean {
    this.sentBytes += body.length;
    return client.write(type, timestampMs, body);
  }

  #createMuxer({ tracks }: RunContext, baseMs: number): FlvMuxer {
    const fourCcs = this.#client?.serverFourCcs ?? new Set<string>();
    return createFlvMuxer(tracks, { enhanced: fourCcs.size > 0, fourCcs, baseMs, encoder: `oxbow/${version}` });
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
