/**
 * Reports the tracks of a source that oxbow does not support: each once in the log, all of them in a gauge
 * and in a sentence.
 * In: changed facts of the source. Out: log, metrics, the stream's `problem`.
 */

import type { LeftOutTrack } from '@oxbow/media/left-out';
import { leftOutSentence } from '../../api/left-out.ts';
import type { StreamDefinition } from '../definition.ts';
import { sourceFields } from '../definition.ts';
import type { StreamDeps } from '../stream-deps.ts';

const KINDS: readonly LeftOutTrack['kind'][] = ['video', 'audio', 'text', 'program', 'unknown'];

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

  /** The sentence of `leftOutSentence`; may be empty. */
  get sentence(): string {
    return this.#sentence;
  }

  /** The source was started again: its tracks are logged again. */
  reset(): void {
    this.#logged.clear();
    this.set([]);
  }

  /** Replaces the list of left-out tracks. */
  set(tracks: readonly LeftOutTrack[]): void {
    const { log, metrics } = this.#deps;
    const definition = this.#definition();
    const hasChanged = leftOutSentence(tracks) !== this.#sentence;
    this.#sentence = leftOutSentence(tracks);
    for (const kind of hasChanged ? KINDS : []) {
      const count = tracks.filter((track) => track.kind === kind).length;
      metrics.tracksLeftOut.set({ stream: definition.name, kind }, count);
    }
    for (const { kind, name } of tracks) {
      if (this.#logged.has(name)) continue;
      this.#logged.add(name);
      const fields = { ...sourceFields(definition), kind, track: name };
      if (kind === 'program') log.info(fields, 'another program of the feed is not selected');
      else log.warn(fields, 'a track is left out: oxbow does not support it');
    }
  }
}
