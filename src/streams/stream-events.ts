/**
 * Tells what happens to one stream as events that anyone who may see it can hear.
 * In: what the live stream says of itself. Out: `stream.live`, `.offline`, `.gap`, `.recording`, `.generation` on the bus.
 */
import type { StreamEvent } from '../live/stream-event.ts';
import type { StreamGap } from '../media/segment.ts';
import type { StreamDefinition } from './definition.ts';
import { timeOf, withoutAddresses } from './public-values.ts';
import type { StreamDeps } from './stream-deps.ts';

/** The events of one stream; it says each thing once. */
export class StreamEvents {
  readonly #bus: StreamDeps['events'];
  readonly #definition: () => StreamDefinition;
  /** What was told last of its media: nothing, that it flows, that it is offline, or the cause of a gap. */
  #told: '' | 'live' | StreamGap['cause'] = '';
  #isRecording = false;

  /** @param definition as it is at the time */
  constructor(bus: StreamDeps['events'], definition: () => StreamDefinition) {
    this.#bus = bus;
    this.#definition = definition;
  }

  /** The live stream has said something. */
  hear(event: StreamEvent): void {
    if (event.type === 'run') this.#flows(event.context);
    if (event.type === 'absent') this.#misses(event);
  }

  /** The settings were changed. */
  redefined(): void {
    this.#tellRecording();
  }

  /** The live playlist promises something else from now on. */
  generation(number: number): void {
    this.#bus.publish('stream.generation', { number }, this.#definition());
  }

  #flows({ run, startUs, gaps }: Extract<StreamEvent, { type: 'run' }>['context']): void {
    for (const { fromUs, toUs, cause, detail } of gaps) {
      if (cause !== 'offline') this.#gap({ from: timeOf(fromUs), to: timeOf(toUs), cause, detail });
    }
    if (this.#told === 'live') return;
    this.#told = 'live';
    this.#bus.publish('stream.live', { run: run.id, from: timeOf(startUs) }, this.#definition());
    this.#tellRecording();
  }

  /** A source says again and again that it is down, each time in other words: that is told once for each cause. */
  #misses({ cause, detail, atUs }: Extract<StreamEvent, { type: 'absent' }>): void {
    if (this.#told === cause) return;
    this.#told = cause;
    const definition = this.#definition();
    if (cause === 'offline') {
      this.#bus.publish('stream.offline', { detail: withoutAddresses(detail, definition.source) }, definition);
    } else {
      this.#gap({ from: timeOf(atUs), to: null, cause, detail });
    }
    this.#tellRecording();
  }

  #gap(gap: { from: string; to: string | null; cause: Exclude<StreamGap['cause'], 'offline'>; detail: string }): void {
    const definition = this.#definition();
    const detail = withoutAddresses(gap.detail, definition.source);
    this.#bus.publish('stream.gap', { ...gap, detail }, definition);
  }

  #tellRecording(): void {
    const recording = this.#told === 'live' && this.#definition().record;
    if (recording === this.#isRecording) return;
    this.#isRecording = recording;
    this.#bus.publish('stream.recording', { recording }, this.#definition());
  }
}
