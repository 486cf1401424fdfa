/**
 * The API of markers and pins on a stream's timeline.
 * In: instants and texts that HTTP has checked. Out: MarkerView, PinView, events.
 */
import type { MarksApi } from '../../api/marks/marks-api.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Marker } from '../../recording/marker-table.ts';
import { type PinnedRange, windowsOver } from '../../recording/pinned-windows.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import type { StreamDeps } from '../../streams/stream-deps.ts';
import { markerViewOf, pinViewOf } from '../../streams/views.ts';

/** How far the clock of a client may be ahead, ms. */
const AHEAD_MS = 60_000;
const LONGEST_PIN_MS = 31 * 24 * 3_600_000;
/** Markers per page. */
const PAGE = 1000;

export function createMarksApi(
  { recordings, clock, events }: Pick<StreamDeps, 'recordings' | 'clock' | 'events'>,
  catalog: Pick<Catalog, 'get'>,
): MarksApi {
  const { markers, pins, chunks } = recordings;
  const idOf = (name: string) => catalog.get(name).definition.id;
  const subject = (name: string) => catalog.get(name).definition;
  const refuseFuture = (ms: number) => {
    if (ms > clock.nowMs() + AHEAD_MS) throw new OxbowError('bad-time', 'The time is in the future.');
  };
  return {
    async markers(name, { fromMs, toMs, cursor }) {
      const range = { fromUs: fromMs * 1000, toUs: toMs * 1000, limit: PAGE + 1 };
      const rows = await markers.between(idOf(name), { ...range, after: readCursor(cursor) });
      const items = rows.slice(0, PAGE);
      const last = items.at(-1);
      return { items: items.map(markerViewOf), nextCursor: rows.length > PAGE && last ? printCursor(last) : null };
    },
    async addMarker(name, { atMs, text }) {
      refuseFuture(atMs);
      const definition = subject(name);
      const marker = markerViewOf(await markers.add(definition.id, { atUs: atMs * 1000, text }));
      events.publish('marker.added', marker, definition);
      return marker;
    },
    async removeMarker(name, id) {
      const definition = subject(name);
      if (!(await markers.remove(definition.id, id))) {
        throw new OxbowError('marker-unknown', `There is no marker ${id}.`);
      }
      events.publish('marker.removed', { id }, definition);
    },
    pins: async (name) => pins.of(idOf(name)).map(pinViewOf),
    async addPin(name, { fromMs, toMs, text }) {
      if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
      refuseFuture(toMs);
      if (toMs - fromMs > LONGEST_PIN_MS) {
        throw new OxbowError('window-too-long', 'A pin is longer than 31 days.', {
          extra: { hint: 'Set several pins of at most 31 days each.' },
        });
      }
      const stream = catalog.get(name);
      const pin = await pins.add(stream.definition.id, { fromUs: fromMs * 1000, toUs: toMs * 1000, text });
      // Added first, so that retention does not delete the media during the check.
      try {
        await requireMedia(stream, pin);
        events.publish('pin.added', pinViewOf(pin), stream.definition);
        return pinViewOf(pin);
      } catch (error) {
        await pins.remove(stream.definition.id, pin.id);
        throw error;
      }
    },
    async removePin(name, id) {
      const definition = subject(name);
      if (!(await pins.remove(definition.id, id))) throw new OxbowError('pin-unknown', `There is no pin ${id}.`);
      events.publish('pin.removed', { id }, definition);
    },
  };

  /** Throws if the windows of a pin have no media at all. */
  async function requireMedia(stream: ManagedStream, range: PinnedRange): Promise<void> {
    const [windows] = windowsOver([range]);
    const { fromUs, toUs } = windows!;
    const { recording, name } = stream.served;
    if (recording.open.some((group) => group.startUs >= fromUs && group.startUs < toUs)) return;
    const first = await recording.query(() => chunks.firstSpanFrom(stream.definition.id, fromUs));
    if (first && first.start_us < toUs) return;
    throw toUs <= stream.served.horizonUs()
      ? new OxbowError('gone', `The recording of ${name} was deleted there.`)
      : new OxbowError('no-media', `${name} was not recorded there.`);
  }
}

function printCursor({ atUs, id }: Marker): string {
  return `${atUs}.${id}`;
}

/** @throws OxbowError `bad-request` for an invalid cursor */
function readCursor(cursor: string | undefined): Pick<Marker, 'atUs' | 'id'> | undefined {
  if (cursor === undefined) return undefined;
  const [, at, id] = /^(\d{1,16})\.([0-9a-f-]{1,40})$/.exec(cursor) ?? [];
  if (at === undefined || id === undefined) throw new OxbowError('bad-request', 'The cursor is not one of this list.');
  return { atUs: Number(at), id };
}
