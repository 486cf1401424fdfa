/**
 * Runs the source of a stream that oxbow reads itself (pull, test), as a client that claims the stream's name like a connection.
 * In: a definition and the stream's publisher slot. Out: a publisher session, until the source ends or is stopped.
 */
import type { SourceFacts } from '../../api/source-facts.ts';
import type { ClientSourceConfig } from '../../config/schema.ts';
import type { Publisher } from '../../ingest/publisher.ts';
import type { PublisherSlot } from '../../ingest/publisher-slot.ts';
import type { StreamQualityInputs } from '../../ingest/pull/rendition/further-qualities.ts';
import { OxbowError } from '../../lib/errors.ts';
import { reportBug } from '../../observe/errors/report-bug.ts';
import { type StreamDefinition, sourceFields } from '../definition.ts';
import type { StreamDeps } from '../stream-deps.ts';
import { type ReadSource, readWithBackup } from './source-backup.ts';

/** Detail of a source that was ended by a bug. */
const BUG = 'an internal error ended the source; the log has the details';

/** A running source. */
export interface SourceClient {
  /** Resolves when the source is being read or waits for another process. */
  readonly started: Promise<void>;
  /** Aborts the source. Resolves when it has stopped; its session is still open then. */
  stop(why: string): Promise<void>;
}

/** Options of a source client. */
export interface SourceClientOptions {
  /** The source was live before, see `RunSource`. */
  readonly wasLive: boolean;
  readonly onFacts: (facts: SourceFacts) => void;
  /** See `RunSource`. */
  readonly qualities?: StreamQualityInputs | undefined;
  /** The source has ended and left the stream; `failed`: because of a bug. Not called after `stop`. */
  readonly onEnd: (detail: string, failed: boolean) => void;
  /** Another process publishes the stream; the source is read after that has left. */
  readonly onWaiting: (detail: string) => void;
}

/** Starts the source. */
export function startSourceClient(
  deps: Pick<StreamDeps, 'runSource' | 'metrics' | 'log' | 'clock'>,
  definition: StreamDefinition,
  source: ClientSourceConfig,
  slot: PublisherSlot,
  { wasLive, onFacts, onEnd, onWaiting, qualities }: SourceClientOptions,
): SourceClient {
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
      onWaiting(error.message);
      started.resolve();
      return await slot.claim(request, { signal, ifHeld: 'wait' });
    }
  };
  const read: ReadSource = (publisher, input, from, until) =>
    deps.runSource({ ...definition, source: from }, input, {
      signal: AbortSignal.any([signal, publisher.signal, ...(until ? [until] : [])]),
      wasLive,
      qualities: publisher.role === 'active' ? qualities : undefined,
      onFacts(facts) {
        if (!signal.aborted) onFacts(facts);
      },
    });
  const run = async (): Promise<void> => {
    const first = await claim();
    signal.throwIfAborted();
    const { clock } = deps;
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
    onEnd(detail, false);
  };
  const done = run().catch((error: unknown) => {
    started.resolve();
    if (error === signal.reason) return; // stopped while it waited
    reportBug(deps, error, sourceFields(definition), 'a source failed');
    if (signal.aborted) return;
    slot.active?.close(BUG);
    onEnd(BUG, true);
  });
  return {
    started: started.promise,
    async stop(why) {
      controller.abort(new DOMException(why, 'AbortError'));
      await done;
    },
  };
}
