/**
 * One SRT caller that publishes: its MPEG-TS becomes frames of its publisher session.
 * In: the payloads of the connection, in order. Out: runs, frames and damage; figures of the connection.
 */

import { FormatError } from '@oxbow/media/errors';
import type { SrtChannel, SrtConnection } from '@oxbow/wire/srt/srt';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, reasonOf } from '../../lib/errors.ts';
import type { Log } from '../../observe/log.ts';
import { FEED_TICK_MS, TsFeed } from '../mpegts/ts-feed.ts';
import type { Publisher } from '../publisher.ts';
import { updateStats } from './srt-stats.ts';

/** What a publishing connection needs. */
interface PublishingDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** `live.assemblyDeadline`, ms. */
  readonly assemblyMs: number;
  /** The links of a bonded publisher. */
  readonly channel?: Pick<SrtChannel, 'links'> | undefined;
}

/**
 * Publishes until the connection ends, or the session does. Never rejects.
 *
 * @param connection just opened; its `onData` is not set yet
 */
export async function publishConnection(
  connection: SrtConnection,
  publisher: Publisher,
  { clock, log, assemblyMs, channel }: PublishingDeps,
): Promise<void> {
  const onFacts = ({ leftOut = [] }: SourceFacts) => publisher.leftOut(leftOut);
  const feed = new TsFeed({ input: publisher, clock, protocol: 'srt', assemblyMs, convertsVideo: true, onFacts });
  let failure: string | undefined;
  const onEnded = () => connection.close();
  const end = (error: unknown) => {
    if (!(error instanceof FormatError)) throw error;
    failure ??= error.message;
    connection.close();
  };
  connection.onData = (payload) => {
    if (failure !== undefined) return;
    try {
      feed.push(payload);
    } catch (error) {
      end(error);
    }
  };
  publisher.signal.addEventListener('abort', onEnded, { once: true });
  if (publisher.signal.aborted) onEnded();
  const timer = setInterval(() => {
    if (failure !== undefined) return;
    try {
      if (feed.tick()) updateStats(publisher.connection.stats, connection.stats(), channel?.links());
    } catch (error) {
      // A bug ends this publisher, not the process.
      failure = reasonOf(error);
      log.error({ error: failure, stack: (error as Error).stack }, 'an SRT publisher failed');
      connection.close();
    }
  }, FEED_TICK_MS);
  const why = await connection.closed;
  clearInterval(timer);
  publisher.signal.removeEventListener('abort', onEnded);
  updateStats(publisher.connection.stats, connection.stats(), channel?.links());
  try {
    feed.end();
  } catch (error) {
    log.error({ error: messageOf(error), stack: (error as Error).stack }, 'an SRT publisher failed');
  }
  publisher.connection.isOver = why === 'closed by the peer';
  const detail = failure ?? (publisher.connection.isOver ? 'the publisher ended the connection' : why);
  publisher.close(detail);
}
