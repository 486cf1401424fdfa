/**
 * Runs the source of a stream that oxbow reads itself (pull, MP4, test): a client that claims the stream's name as a connection does.
 * In: a definition and the stream's publisher slot. Out: a publisher session, until the source ends or is stopped.
 */
import type { SourceFacts } from '../api/source-facts.ts';
import type { ClientSourceConfig } from '../config/schema.ts';
import type { PublisherSlot } from '../ingest/publisher-slot.ts';
import { messageOf } from '../lib/errors.ts';
import { type StreamDefinition, sourceFields } from './definition.ts';
import type { House } from './house.ts';

/** What the log and the API say of a source that ended because of a bug. */
const BUG = 'an internal error ended the source; the log has the details';

/** A source that runs. */
export interface SourceClient {
  /** Aborts the source. Resolves when nothing of it runs any more; its session is still open then. */
  stop(why: string): Promise<void>;
}

/** How a source is followed. */
export interface SourceClientOptions {
  /** The source was live before, see `RunSource`. */
  readonly wasLive: boolean;
  readonly onFacts: (facts: SourceFacts) => void;
  /** The source has ended by itself and has left the stream; `failed`: because of a bug. Not called after `stop`. */
  readonly onEnd: (detail: string, failed: boolean) => void;
}

/** Starts the source. */
export function startSourceClient(
  house: Pick<House, 'runSource' | 'metrics' | 'log'>,
  definition: StreamDefinition,
  source: ClientSourceConfig,
  slot: PublisherSlot,
  { wasLive, onFacts, onEnd }: SourceClientOptions,
): SourceClient {
  const controller = new AbortController();
  const { signal } = controller;
  const run = async () => {
    // The session outlives the abort: what a source delivers while it ends still counts.
    const publisher = slot.claim({ protocol: source.type, remote: '', signal: new AbortController().signal });
    const end = (detail: string, failed: boolean) => {
      if (signal.aborted) return;
      publisher.close(detail);
      onEnd(detail, failed);
    };
    try {
      const options = { signal, wasLive, onFacts: (facts: SourceFacts) => signal.aborted || onFacts(facts) };
      end(await house.runSource({ ...definition, source }, publisher, options), false);
    } catch (error) {
      house.metrics.bugs.inc();
      house.log.error(
        { ...sourceFields(definition), error: messageOf(error), stack: (error as Error).stack },
        'a source failed',
      );
      end(BUG, true);
    }
  };
  const done = run();
  return {
    async stop(why) {
      controller.abort(new DOMException(why, 'AbortError'));
      await done;
    },
  };
}
