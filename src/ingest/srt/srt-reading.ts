/**
 * One SRT caller that requests a live stream: frames are muxed as MPEG-TS and sent.
 * In: a live stream, through an inbox. Out: payloads of seven packets. A slow caller loses whole GOPs, and
 * never slows the stream.
 */

import { LiveTsMuxer } from '@oxbow/media/mpegts/muxer/live-muxer';
import type { SrtConnection } from '@oxbow/wire/srt/srt';
import { messageOf } from '../../lib/errors.ts';
import { openInbox } from '../../live/inbox.ts';
import type { Log } from '../../observe/log.ts';
import type { LiveSource } from '../publish-access.ts';

/** Most bytes of frames that wait for a connection. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Options of a request. */
interface ReadingOptions {
  /** Name of the stream, for the log. */
  readonly name: string;
  readonly log: Log;
  /** Resolves with the reason when the caller may watch no more; with undefined when the signal aborts. */
  refused(signal: AbortSignal): Promise<string | undefined>;
}

/**
 * Sends the stream from its next key frame on, until the connection, the stream or the permission ends. Never
 * rejects.
 */
export async function sendLive(
  connection: SrtConnection,
  source: LiveSource,
  { name, log, refused }: ReadingOptions,
): Promise<void> {
  const ending = new AbortController();
  void connection.closed.then(() => ending.abort());
  const fields = { stream: name, remote: connection.remote };
  log.info(fields, 'an SRT caller receives the stream');
  const checking = refused(ending.signal)
    .then((reason) => {
      if (reason !== undefined) log.info({ ...fields, reason }, 'an SRT caller may receive the stream no more');
    })
    .catch((error: unknown) => log.error({ ...fields, error: messageOf(error) }, 'an SRT viewer was not checked'))
    .finally(() => ending.abort());
  try {
    const muxer = new LiveTsMuxer((payload) => connection.send(payload));
    await using inbox = openInbox(source, { name: 'srt', maxBytes: MAX_BYTES, signal: ending.signal });
    for await (const item of inbox) {
      if (item.type === 'frame') muxer.frame(item.frame);
      else if (item.type === 'end') muxer.flush();
      else if (!item.context.soft) {
        const { tracks, run } = item.context;
        const carried = muxer.startRun(tracks, run);
        if (!carried.some(({ kind }) => kind === 'video' || kind === 'audio')) {
          log.warn(fields, 'MPEG-TS cannot carry the tracks of the stream: the SRT connection is closed');
          break;
        }
      }
    }
  } catch (error) {
    log.error({ ...fields, error: messageOf(error), stack: (error as Error).stack }, 'an SRT viewer failed');
  } finally {
    ending.abort();
    connection.close();
    await checking;
  }
}
