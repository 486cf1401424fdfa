/**
 * Streams that could not be opened, or take long: those that failed are tried again with growing pauses, and
 * the others run meanwhile.
 * In: definitions and errors. Out: the reason of each; calls of `again`.
 */
import { backoffMs, isAbort } from '../../lib/abort.ts';
import { messageOf, OxbowError, reasonOf, sentenceOf } from '../../lib/errors.ts';
import type { StreamDefinition } from '../definition.ts';
import { revisionOf } from '../revision.ts';
import type { StreamDeps } from '../stream-deps.ts';

/** The first pause before a stream is opened again is at most this long, ms. */
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 60_000;

/** A stream that could not be opened. */
export interface UnopenedStream {
  readonly definition: StreamDefinition;
  /** Why, for a person. */
  readonly problem: string;
  /** Another node had it until now. */
  readonly isAdopted: boolean;
}

/** The streams of a catalog that could not be opened, by name. */
export class UnopenedStreams implements Disposable {
  readonly #deps: Pick<StreamDeps, 'log'>;
  readonly #again: (name: string) => Promise<void>;
  readonly #streams = new Map<
    string,
    UnopenedStream & { readonly tries: number; readonly timer: NodeJS.Timeout | undefined }
  >();

  /** @param again opens a stream again, which ends in `delete` or `add`; rejects while the catalog closes */
  constructor(deps: Pick<StreamDeps, 'log'>, again: (name: string) => Promise<void>) {
    this.#deps = deps;
    this.#again = again;
  }

  /** A stream could not be opened. */
  add(definition: StreamDefinition, error: unknown, isAdopted: boolean): void {
    const { name } = definition;
    const tries = this.#streams.get(name)?.tries ?? 0;
    this.delete(name);
    const problem = `the stream could not be opened: ${reasonOf(error)}`;
    const pauseMs = Math.round(backoffMs(tries, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
    const failed = (late: unknown) =>
      this.#deps.log.debug({ stream: name, error: messageOf(late) }, 'the stream was not opened again');
    const timer = setTimeout(() => void this.#again(name).catch(failed), pauseMs).unref();
    this.#streams.set(name, { definition, problem, isAdopted, tries: tries + 1, timer });
    if (!isAbort(error)) {
      this.#deps.log.error({ stream: name, error: messageOf(error), again: pauseMs }, 'the stream could not be opened');
    }
  }

  /**
   * A stream that is being opened is not waited for any more. With the settings that it is opened with, the
   * definition stays the same object.
   *
   * @param silence why it has no media
   */
  hold(definition: StreamDefinition, silence: () => string, isAdopted: boolean): void {
    const { name } = definition;
    const before = this.#streams.get(name);
    const isSame = before && revisionOf(before.definition) === revisionOf(definition);
    this.delete(name);
    this.#streams.set(name, {
      definition: isSame ? before.definition : definition,
      isAdopted,
      tries: before?.tries ?? 0,
      timer: undefined,
      get problem() {
        return silence();
      },
    });
  }

  /** It was opened, removed, or another node has it. */
  delete(name: string): void {
    clearTimeout(this.#streams.get(name)?.timer);
    this.#streams.delete(name);
  }

  /** By name. */
  get all(): readonly UnopenedStream[] {
    return [...this.#streams.values()].sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
  }

  /** One of them; undefined if there is none of this name. */
  find(name: string): UnopenedStream | undefined {
    return this.#streams.get(name);
  }

  /** @throws OxbowError `stream-unopened`, with the reason, if the stream of this name could not be opened */
  assertNone(name: string): void {
    const unopened = this.#streams.get(name);
    if (unopened)
      throw new OxbowError('stream-unopened', sentenceOf(unopened.problem), { extra: { retryAfterSeconds: 10 } });
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#streams.keys()]) this.delete(name);
  }
}
