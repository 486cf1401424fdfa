/**
 * Runs the source of a stream that oxbow reads itself (pull, test), as a client that claims the stream's name
 * like a connection.
 * In: a definition and the stream's publisher slot. Out: a publisher session, until the source ends or is
 * stopped.
 */
import type { SourceFacts } from '../../api/source-facts.ts';
import type { ClientSourceConfig } from '../../config/schema.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import type { PublisherSlot } from '../../ingest/publisher-slot.ts';
import type { StreamQualityInputs } from '../../ingest/pull/rendition/further-qualities.ts';
import { backoffMs, sleep } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { StreamDefinition } from '../definition.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { INTERNAL_ERROR, reportStreamBug } from '../stream-reports.ts';
import { type ReadSource, readWithBackup } from './source-backup.ts';

/** A source that was read for this long before a bug ended it is read again at once, ms. */
const STABLE_MS = 60_000;
/** First and last pause before it is read again, ms. */
const AGAIN_MS = [1000, 60_000] as const;

/** A running source. */
export interface SourceClient {
  /** Resolves when the source is being read or waits for another process. */
  readonly started: Promise<void>;
  /** Aborts the source. Resolves when it has stopped; its session is still open then. */
  stop(why: string): Promise<void>;
}

export interface SourceClientOptions {
  /** The source was live before, see `RunSource`. */
  readonly wasLive: boolean;
  readonly onFacts: (facts: SourceFacts) => void;
  /** See `RunSource`. */
  readonly qualities?: StreamQualityInputs | undefined;
  /** The source has ended and left the stream. Not called after `stop`. */
  readonly onEnd: (detail: string) => void;
  /** Another process publishes the stream; the source is read after that has left. */
  readonly onWaiting: (detail: string) => void;
}

export function startSourceClient(
  deps: Pick<StreamDeps, 'runSource' | 'metrics' | 'log' | 'clock'>,
  definition: StreamDefinition,
  source: ClientSourceConfig,
  slot: PublisherSlot,
  { wasLive, onFacts, onEnd, onWaiting, qualities }: SourceClientOptions,
): SourceClient {
  const { clock } = deps;
  const controller = new AbortController();
  const { signal } = controller;
  // The session outlives the abort: what a source delivers while it ends still counts.
  const request = { protocol: source.type, remote: '', signal: new AbortController().signal };
  const started = Promise.withResolvers<void>();
  const claim = async (): Promise<Publisher> => {
    try {
      return await slot.claim(request, { signal, ifHeld: 'refuse' });
    } catch (error) {
      if (!(error instanceof OxbowError && error.code === 'publisher-active')) throw error;
      onWaiting(reasonOf(error));
      started.resolve();
      return await slot.claim(request, { signal, ifHeld: 'wait' });
    }
  };
  const read: ReadSource = (publisher, input, from, until) =>
    deps.runSource({ ...definition, source: from }, input, {
      signal: AbortSignal.any([signal, publisher.signal, ...(until ? [until] : [])]),
      wasLive,
      qualities: publisher.turn.role === 'active' ? qualities : undefined,
      onFacts(facts) {
        if (!signal.aborted) onFacts(facts);
      },
    });
  let current: Publisher | undefined;
  const run = async (): Promise<void> => {
    const first = current && !current.signal.aborted ? current : await claim();
    current = first;
    signal.throwIfAborted();
    const backup = { claim: () => slot.claim(request, { signal }), read, clock, signal };
    const reading =
      source.type === 'pull' && source.backup !== undefined
        ? readWithBackup(backup, first, [source, { ...source, url: source.backup }])
        : read(first, first, source).then((detail) => ({ publisher: first, detail }));
    started.resolve();
    const { publisher, detail } = await reading;
    if (signal.aborted) return;
    // Another process took the stream: this one waits until it is free again.
    if (publisher.signal.aborted) return run();
    publisher.close(detail);
    onEnd(detail);
  };
  /** A bug ends the attempt, not the stream: the source is read again after a pause. */
  const runAgain = async (): Promise<void> => {
    for (let failures = 0; ; failures++) {
      const startedMs = clock.monotonicMs();
      try {
        await run();
        return;
      } catch (error) {
        started.resolve();
        if (error === signal.reason) return; // stopped while it waited
        reportStreamBug(deps, definition.name, error, 'its source was read');
        if (signal.aborted) return;
        try {
          current?.absent('internal', INTERNAL_ERROR);
        } catch (second) {
          reportStreamBug(deps, definition.name, second, 'its source had failed');
          current?.close(INTERNAL_ERROR);
        }
        if (clock.monotonicMs() - startedMs > STABLE_MS) failures = 0;
      }
      deps.metrics.sourceFailures.inc({ stream: definition.name });
      await sleep(backoffMs(failures, ...AGAIN_MS), { signal }).catch(() => undefined);
      if (signal.aborted) return;
    }
  };
  const done = runAgain();
  return {
    started: started.promise,
    async stop(why) {
      controller.abort(new DOMException(why, 'AbortError'));
      await done;
    },
  };
}
