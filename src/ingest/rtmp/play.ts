/**
 * One client that plays a live stream over RTMP: frames are muxed as FLV messages and sent.
 * In: a live stream, through an inbox; whether the client may still read it. Out: messages of wire/rtmp. A
 * slow client loses whole GOPs, and never slows the stream. docs/3-publish/rtmp.md.
 */

import { LiveFlvMuxer } from '@oxbow/media/flv/live-muxer';
import type { Frame } from '@oxbow/media/frame';
import type { RtmpPlayback, RtmpPlayer } from '@oxbow/wire/rtmp/server-contract';
import { sleep } from '../../lib/abort.ts';
import { messageOf, OxbowError } from '../../lib/errors.ts';
import { version } from '../../lib/version.ts';
import { openInbox } from '../../live/inbox.ts';
import type { Log } from '../../observe/log.ts';
import type { LiveSource } from '../publish-access.ts';

/** Most bytes of frames that wait for a client. */
const MAX_BYTES = 16 * 1024 * 1024;
/** After the end of the media the client waits for a publisher that returns, ms. */
const LINGER_MS = 10_000;
/** A client that takes no byte for this long is disconnected, ms. */
const STALLED_MS = 30_000;
/** Interval in which access is checked again, ms. */
const CHECK_MS = 10_000;

/** What a playback needs. */
interface PlaybackSetup {
  readonly source: LiveSource;
  /** Codecs of enhanced RTMP that the client takes; empty: it did not say. */
  readonly fourCcs: readonly string[];
  /** Authorizes the client again. Throws an OxbowError if it may not read the stream any more. */
  readonly read: () => Promise<LiveSource>;
  /** Closes the connection with a reason for the user. */
  readonly refuse: (error: OxbowError) => void;
  /** Closes the connection at once. */
  readonly cut: (detail: string) => void;
  readonly log: Log;
  /** Of log lines. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Interval in which access is checked again, ms; 10 s if not given. */
  readonly checkMs?: number | undefined;
}

/** Sends a stream from its newest key frame on. */
export class Playback implements RtmpPlayback {
  readonly #setup: PlaybackSetup;
  readonly #ending = new AbortController();
  #lingering: NodeJS.Timeout | undefined;

  constructor(setup: PlaybackSetup) {
    this.#setup = setup;
  }

  start(player: RtmpPlayer): void {
    const { log, fields } = this.#setup;
    log.info(fields, 'an RTMP client plays the stream');
    void this.#send(player);
    void this.#watchAccess();
  }

  end(): void {
    this.#ending.abort();
  }

  /** Never rejects. */
  async #send(player: RtmpPlayer): Promise<void> {
    const { source, fourCcs, log, fields } = this.#setup;
    const { signal } = this.#ending;
    const listed = fourCcs.length > 0 ? { fourCcs: new Set(fourCcs) } : {};
    const muxer = new LiveFlvMuxer({ enhanced: true, ...listed, encoder: `oxbow/${version}` });
    try {
      await using inbox = openInbox(source, { name: 'rtmp', maxBytes: MAX_BYTES, signal, fromKeyFrame: true });
      for await (const item of inbox) {
        clearTimeout(this.#lingering);
        if (item.type === 'end') this.#lingering = setTimeout(() => player.finish(), LINGER_MS);
        else if (item.type === 'frame') await this.#write(player, muxer, item.frame);
        else if (!item.context.soft) {
          const { tracks, run } = item.context;
          const leftOut = muxer.startRun(tracks, run);
          if (leftOut.length < tracks.length) continue;
          log.warn({ ...fields, tracks: leftOut.map(({ name }) => name) }, 'an RTMP client takes none of the tracks');
          break;
        }
      }
      player.finish();
    } catch (error) {
      log.error({ ...fields, error: messageOf(error), stack: (error as Error).stack }, 'an RTMP viewer failed');
      this.#setup.cut('an internal error');
    } finally {
      clearTimeout(this.#lingering);
    }
  }

  async #write(player: RtmpPlayer, muxer: LiveFlvMuxer, frame: Frame): Promise<void> {
    let isFree = true;
    for (const { type, timestampMs, body } of muxer.frame(frame)) {
      isFree = player.write(type, timestampMs, body) && isFree;
    }
    if (isFree) return;
    const stalled = setTimeout(() => this.#setup.cut('the client took no media for 30 s'), STALLED_MS);
    await player.drained();
    clearTimeout(stalled);
  }

  /**
   * Ends the playback when the client may not read the stream any more, or another stream has its name. Never
   * rejects.
   */
  async #watchAccess(): Promise<void> {
    const { source, read, refuse, cut, checkMs = CHECK_MS } = this.#setup;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        await sleep(checkMs, { signal });
        const current = await read();
        if (current !== source && !signal.aborted) cut('the stream was replaced');
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof OxbowError)) cut('an internal error');
        else if (error.code !== 'not-ready' && error.code !== 'too-many-requests') refuse(error);
      }
    }
  }
}
