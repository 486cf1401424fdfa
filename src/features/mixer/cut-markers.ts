/**
 * The markers of cuts on the timeline of a mixer, at most one a second and a bounded number for each stream.
 * In: cuts. Out: rows of markers; events of those that are added and removed.
 */
import type { EventBus } from '../../cluster/bus/event-bus.ts';
import type { Marker, MarkerTable } from '../../recording/marker-table.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import { markerViewOf } from '../../streams/views.ts';
import type { MadeCut } from './mixer.ts';

/** Newest cuts that keep their markers, of one stream. */
const MAX_CUT_MARKERS = 2000;
/** Markers of a stream that are read to find those of cuts. */
const MOST_READ = 10_000;
/** Shortest time between two markers, µs. */
const LEAST_US = 1_000_000;
/** How the text of a marker of a cut begins. */
const SIGN = '✂ ';

/** Their markers. */
export class CutMarkers {
  readonly #markers: Pick<MarkerTable, 'add' | 'between' | 'remove'>;
  readonly #events: Pick<EventBus, 'publish'>;
  /** Ids of the markers of cuts, oldest first, and the time of the newest, by stream. */
  readonly #cuts = new Map<string, { readonly ids: string[]; lastUs: number }>();

  constructor(markers: Pick<MarkerTable, 'add' | 'between' | 'remove'>, events: Pick<EventBus, 'publish'>) {
    this.#markers = markers;
    this.#events = events;
  }

  /**
   * Adds the marker of a cut. Of cuts within a second the first has one.
   *
   * @throws OxbowError `limit-reached` if the stream has all the markers that it may have
   */
  async add(definition: StreamDefinition, { input, by, atUs }: MadeCut): Promise<void> {
    const cuts = await this.#of(definition.id);
    if (Math.abs(atUs - cuts.lastUs) < LEAST_US) return;
    cuts.lastUs = atUs;
    const text = `${SIGN}${input}${by === '' ? '' : ` (${by})`}`.slice(0, 500);
    while (cuts.ids.length >= MAX_CUT_MARKERS) await this.#remove(definition, cuts.ids.shift()!);
    const marker = await this.#markers.add(definition.id, { atUs: Math.round(atUs / 1000) * 1000, text });
    cuts.ids.push(marker.id);
    this.#events.publish('marker.added', markerViewOf(marker), definition);
  }

  /** A stream is no mixer any more; its markers stay. */
  forget(streamId: string): void {
    this.#cuts.delete(streamId);
  }

  async #of(streamId: string): Promise<{ readonly ids: string[]; lastUs: number }> {
    const cuts = this.#cuts.get(streamId);
    if (cuts) return cuts;
    const ever = { fromUs: 0, toUs: Number.MAX_SAFE_INTEGER, limit: MOST_READ };
    const markers = (await this.#markers.between(streamId, ever)).filter(({ text }: Marker) => text.startsWith(SIGN));
    const read = { ids: markers.map(({ id }) => id), lastUs: markers.at(-1)?.atUs ?? 0 };
    const meanwhile = this.#cuts.get(streamId);
    if (!meanwhile) this.#cuts.set(streamId, read);
    return meanwhile ?? read;
  }

  async #remove(definition: StreamDefinition, id: string): Promise<void> {
    if (await this.#markers.remove(definition.id, id)) this.#events.publish('marker.removed', { id }, definition);
  }
}
