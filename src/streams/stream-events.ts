/**
 * Publishes the events of one stream for all clients that may see it.
 * In: events of live/stream. Out: `stream.live`, `.offline`, `.gap`, `.recording`, `.generation`, `.pressure`
 * on the bus.
 */

import type { StreamGap } from '@oxbow/media/segment';
import type { StreamEvent } from '../live/stream-event.ts';
import type { StreamDefinition } from './definition.ts';
import { timeOf, withoutAddresses } from './public-values.ts';
import type { StreamDeps } from './stream-deps.ts';

/** Publishes that a stream was created, or that its settings or its picture were changed. */
export function publishSettings(
  bus: StreamDeps['events'],
  type: 'stream.created' | 'stream.changed',
  definition: StreamDefinition,
): void {
  const { title, visibility, record, origin } = definition;
  bus.publish(type, { title, visibility, record, origin }, definition);
}

/** The events of one stream; each change is published once. */
export class StreamEvents {
  readonly #bus: StreamDeps['events'];
  readonly #definition: () => StreamDefinition;
  /** The last published state of the media: none, `live`, `offline`, or the cause of a gap. */
  #published: '' | 'live' | StreamGap['cause'] = '';
  #isRecording = false;
  /** Sinks, otherwise '' for the memory of the stream, of which a level of 50 % or more was published. */
  readonly #pressed = new Set<string>();

  /** @param definition as it is at the time */
  constructor(bus: StreamDeps['events'], definition: () => StreamDefinition) {
    this.#bus = bus;
    this.#definition = definition;
  }

  /** Handles an event of the live stream. */
  onEvent(event: StreamEvent): void {
    if (event.type === 'run') this.#onRun(event.context);
    if (event.type === 'continued') this.#onRun({ ...event.context, gaps: [] });
    if (event.type === 'absent') this.#onAbsent(event);
    if (event.type === 'pressure') this.#onPressure(event);
  }

  /** The settings were changed. */
  redefined(): void {
    this.#publishRecording();
  }

  /** A new generation of the live playlist has begun. */
  generation(number: number): void {
    this.#bus.publish('stream.generation', { number }, this.#definition());
  }

  #onRun({ run, startUs, gaps }: Extract<StreamEvent, { type: 'run' }>['context']): void {
    for (const { fromUs, toUs, cause, detail } of gaps) {
      if (cause !== 'offline') this.#gap({ from: timeOf(fromUs), to: timeOf(toUs), cause, detail });
    }
    if (this.#published === 'live') return;
    this.#published = 'live';
    this.#bus.publish('stream.live', { run: run.id, from: timeOf(startUs) }, this.#definition());
    this.#publishRecording();
  }

  /** A source reports repeatedly that it is down, with other details: each cause is published once. */
  #onAbsent({ cause, detail, atUs }: Extract<StreamEvent, { type: 'absent' }>): void {
    if (this.#published === cause) return;
    this.#published = cause;
    const definition = this.#definition();
    if (cause === 'offline') {
      this.#bus.publish('stream.offline', { detail: withoutAddresses(detail, definition.source) }, definition);
    } else {
      this.#gap({ from: timeOf(atUs), to: null, cause, detail });
    }
    this.#publishRecording();
  }

  /** Levels below 50 % are for metrics only. */
  #onPressure({ sink, level, bytes, maxBytes }: Extract<StreamEvent, { type: 'pressure' }>): void {
    const key = sink ?? '';
    const wasHigh = this.#pressed.delete(key);
    if (level >= 50) this.#pressed.add(key);
    if (level < 50 && !wasHigh) return;
    this.#bus.publish('stream.pressure', { sink: sink ?? null, level, bytes, maxBytes }, this.#definition());
  }

  #gap(gap: { from: string; to: string | null; cause: Exclude<StreamGap['cause'], 'offline'>; detail: string }): void {
    const definition = this.#definition();
    const detail = withoutAddresses(gap.detail, definition.source);
    this.#bus.publish('stream.gap', { ...gap, detail }, definition);
  }

  #publishRecording(): void {
    const recording = this.#published === 'live' && this.#definition().record;
    if (recording === this.#isRecording) return;
    this.#isRecording = recording;
    this.#bus.publish('stream.recording', { recording }, this.#definition());
  }
}
