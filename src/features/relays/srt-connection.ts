/**
 * A relay to an SRT listener.
 * In: checked addresses; runs and frames. Out: MPEG-TS over wire/srt. Times are UTC: they continue over runs.
 */

import { trackName } from '@oxbow/media/flv/muxer-codecs';
import type { Frame } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { LiveTsMuxer } from '@oxbow/media/mpegts/muxer/live-muxer';
import { connectSrt } from '@oxbow/wire/srt/connect';
import type { SrtConnection } from '@oxbow/wire/srt/srt';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { RunContext } from '../../live/sink.ts';
import { CatchUp } from './catch-up.ts';
import type { ConnectRequest, RelayConnection } from './connection.ts';

/** Connects to an SRT listener as caller: tries each address until one answers. */
export async function connectSrtRelay(
  { target, host, signal }: ConnectRequest,
  clock: Clock,
): Promise<RelayConnection> {
  const { streamId, passphrase, keyLength, latencyMs } = target.srt ?? { streamId: '' };
  let last: unknown;
  for (const { address } of host.addresses) {
    try {
      const options = { address, port: host.port, streamId, passphrase, keyLength, latencyMs, signal };
      return new SrtRelay(await connectSrt(options), { clock, signal });
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw new Error(`${host.host} port ${host.port}: ${messageOf(last)}`, { cause: last });
}

class SrtRelay implements RelayConnection {
  /**
   * SRT keeps the pace in which media is sent: `write` requests a pause where it is faster than receivers
   * expect.
   */
  readonly takesBursts = true;
  readonly closed: Promise<string>;
  sentBytes = 0;
  lostFrames = 0;
  readonly #connection: SrtConnection;
  readonly #muxer: LiveTsMuxer;
  readonly #options: { readonly clock: Clock; readonly signal: AbortSignal };
  readonly #pace = new CatchUp();
  #waitMs = 0;
  /** Track whose key frames end a loss. */
  #reference = 0;
  /** A payload of the current frame was dropped. */
  #isDropped = false;
  /** After a loss nothing is sent up to the next key frame. */
  #isSkipping = false;

  constructor(connection: SrtConnection, options: { clock: Clock; signal: AbortSignal }) {
    this.#connection = connection;
    this.#options = options;
    this.closed = connection.closed;
    connection.onData = () => undefined;
    this.#muxer = new LiveTsMuxer((payload) => {
      if (connection.send(payload)) this.sentBytes += payload.length;
      else this.#isDropped = true;
    });
  }

  startRun({ tracks, run, reference }: RunContext): readonly LeftOutTrack[] {
    this.#reference = reference.id;
    this.#isSkipping = false;
    this.#pace.restart(reference);
    const carried = this.#muxer.startRun(tracks, run);
    return tracks.filter((track) => !carried.includes(track)).map(trackName);
  }

  write(frame: Frame): boolean {
    if (this.#isSkipping && !(frame.key && frame.trackId === this.#reference)) {
      this.lostFrames++;
      return true;
    }
    this.#isDropped = false;
    this.#muxer.frame(frame);
    this.#isSkipping = this.#isDropped;
    if (this.#isDropped) this.lostFrames++;
    this.#waitMs = this.#pace.sent(frame, this.#options.clock.monotonicMs());
    return this.#waitMs === 0;
  }

  async drained(): Promise<void> {
    await sleep(this.#waitMs, this.#options).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#muxer.flush();
    this.#connection.close();
    await this.closed;
  }
}
