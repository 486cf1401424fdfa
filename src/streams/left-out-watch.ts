/**
 * Reports the tracks of a stream's source that oxbow cannot take: each once in the log, all of them in a gauge and in a sentence.
 * In: facts of the source, as they change. Out: log, metrics, the stream's `problem`.
 */
import { type LeftOutTrack, leftOutSentence } from '../api/left-out.ts';
import type { StreamDefinition } from './definition.ts';
import { sourceFields } from './definition.ts';
import type { StreamDeps } from './stream-deps.ts';

const KINDS: readonly LeftOutTrack['kind'][] = ['video', 'audio', 'text', 'unknown'];

/** Watches one stream. */
export class LeftOutWatch {
  readonly #deps: Pick<StreamDeps, 'log' | 'metrics'>;
  readonly #definition: () => StreamDefinition;
  readonly #logged = new Set<string>();
  #sentence = '';

  /** @param definition as it is at the time */
  constructor(deps: Pick<StreamDeps, 'log' | 'metrics'>, definition: () => StreamDefinition) {
    this.#deps = deps;
    this.#definition = definition;
  }

  /** What is left out, for a person; empty where nothing is. */
  get sentence(): string {
    return this.#sentence;
  }

  /** The source was started again: what it leaves out is logged again. */
  reset(): void {
    this.#logged.clear();
    this.set([]);
  }

  /** The source leaves out these tracks, and no others. */
  set(tracks: readonly LeftOutTrack[]): void {
    const { log, metrics } = this.#deps;
    const definition = this.#definition();
    const isNews = leftOutSentence(tracks) !== this.#sentence;
    this.#sentence = leftOutSentence(tracks);
    for (const kind of isNews ? KINDS : []) {
      const count = tracks.filter((track) => track.kind === kind).length;
      metrics.tracksLeftOut.set({ stream: definition.name, kind }, count);
    }
    for (const { kind, name } of tracks) {
      if (this.#logged.has(name)) continue;
      this.#logged.add(name);
      log.warn({ ...sourceFields(definition), kind, track: name }, 'a track is left out: oxbow cannot take it');
    }
  }
}
