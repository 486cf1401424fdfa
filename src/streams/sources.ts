/**
 * Runs a stream's source: decides which ingest feeds it.
 * In: a definition. Out: calls on the stream's input until the source ends or is aborted.
 */
import type { SourceFacts } from '../api/source-facts.ts';
import { noCounters, type PullCounters } from '../ingest/pull/context.ts';
import { runTestSource } from '../ingest/test/test-source.ts';
import { sleep } from '../lib/abort.ts';
import { FormatError, messageOf, OxbowError } from '../lib/errors.ts';
import type { StreamInput } from '../live/input.ts';
import type { Net } from '../net/net.ts';
import { type StreamDefinition, sourceFields } from './definition.ts';
import type { House } from './house.ts';
import { runPull } from './pull.ts';
import { isDown, RetryPause } from './retry-pause.ts';

/** What sources work with. */
export interface SourceHouse extends Pick<House, 'clock' | 'config' | 'log' | 'metrics'> {
  readonly net: Net;
  /** A live source that ends its playlist is awaited, without limit. Default false: the source ends. */
  readonly awaitReturn?: boolean;
}

/**
 * Resolves when the source has ended by itself, with a sentence that says how, or was aborted.
 */
export async function runSource(
  house: SourceHouse,
  definition: StreamDefinition,
  input: StreamInput,
  {
    signal,
    onFacts,
    onFailure,
    wasLive,
  }: {
    signal: AbortSignal;
    onFacts?: ((facts: SourceFacts) => void) | undefined;
    /** Told why a try failed, before the next one. */
    onFailure?: (error: unknown) => void;
    /** The source was live before; see `PullOrder`. */
    wasLive?: boolean;
  },
): Promise<string> {
  const { name, source } = definition;
  const { clock, metrics } = house;
  const log = house.log.child(sourceFields(definition));
  if (source.type === 'test') {
    const { width, height, fps, keyInterval, videoBitrate } = house.config.testPicture;
    const picture = {
      width,
      height,
      frameRate: { num: fps, den: 1 },
      keyframeIntervalS: Math.max(1, Math.round(keyInterval / 1000)),
      videoBitRate: videoBitrate,
    };
    onFacts?.({ protocol: 'test', container: '', title: name, live: true, qualities: [] });
    await runTestSource({ name, picture, input, clock, log }, { signal });
    return 'the test picture ended';
  }
  const counters: PullCounters = {
    ...noCounters,
    segments: () => metrics.sourceFetches.inc({ stream: name, result: 'ok' }),
    skipped: (count) => metrics.sourceFetches.inc({ stream: name, result: 'failed' }, count),
    retries: () => metrics.sourceRetries.inc({ stream: name }),
  };
  let hasLived = wasLive ?? false;
  const noteFacts = (facts: SourceFacts) => {
    hasLived ||= facts.live;
    onFacts?.(facts);
  };
  const pause = new RetryPause();
  const onPage = pause.sawPage;
  while (!signal.aborted) {
    const hadUntilUs = input.endUs;
    try {
      // Whoever may set a stream is an administrator: the address may be private.
      await runPull(
        { net: house.net, clock, log, config: house.config, counters },
        { source, trusted: true, input, onPage, onFacts: noteFacts, awaitReturn: house.awaitReturn, wasLive: hasLived },
        { signal },
      );
      return hasLived ? 'the source ended its playlist' : 'the film is over';
    } catch (error) {
      if (signal.aborted) break;
      onFailure?.(error);
      const isRefusal = error instanceof OxbowError || error instanceof FormatError;
      const isPage = error instanceof OxbowError && error.code.startsWith('page-');
      if (!isRefusal) {
        // Our mistake ends this try, not the recording of whatever comes later.
        metrics.bugs.inc();
        log.error({ error: messageOf(error), stack: (error as Error).stack }, 'a source failed');
      }
      input.absent(
        isDown(error) || isPage ? 'source-down' : 'bad-media',
        isRefusal ? messageOf(error) : 'oxbow made a mistake',
      );
      if (input.endUs !== hadUntilUs) pause.sawMedia();
      const pauseMs = pause.next(error);
      metrics.sourceFailures.inc({ stream: name });
      metrics.sourcePauseSeconds.set({ stream: name }, pauseMs / 1000);
      await sleep(pauseMs, { signal }).catch(() => undefined);
      metrics.sourcePauseSeconds.set({ stream: name }, 0);
    }
  }
  return 'stopped';
}
