/**
 * A relay to an RTMP or RTMPS server.
 * In: checked addresses; runs and frames. Out: FLV messages over wire/rtmp. Timestamps are UTC since the
 * first frame: they continue over runs, and gaps remain gaps.
 */

import { LiveFlvMuxer } from '@oxbow/media/flv/live-muxer';
import { enhancedCodecOf } from '@oxbow/media/flv/muxer-codecs';
import type { Frame, Track } from '@oxbow/media/frame';
import type { LeftOutTrack } from '@oxbow/media/left-out';
import { connectRtmp, type RtmpClient } from '@oxbow/wire/rtmp/client';
import { version } from '../../lib/version.ts';
import type { RunContext } from '../../live/sink.ts';
import { openTcp } from '../../net/tcp.ts';
import type { ConnectRequest, RelayConnection } from './connection.ts';

/** The program, as servers show it: they check the part in parentheses. */
const USER_AGENT = `FMLE/3.0 (compatible; oxbow/${version})`;

/** Connects to an RTMP server, which accepts media when this resolves. */
export async function connectRtmpRelay({ target, host, context, signal }: ConnectRequest): Promise<RelayConnection> {
  const relay = new RtmpRelay();
  const client = await connectRtmp({
    url: target.url,
    connect: (options) => openTcp(host, target.protocol === 'rtmps', options),
    fourCcs: context.tracks.flatMap((track) => announcedCodecOf(track) ?? []),
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

/** The codec that is announced; H.264, which all servers take, only where its colours are sent too. */
function announcedCodecOf(track: Track): string | undefined {
  const hasColours = track.kind === 'video' && track.config.codec === 'h264' && track.config.colourInfo !== undefined;
  return enhancedCodecOf(track) ?? (hasColours ? 'avc1' : undefined);
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
