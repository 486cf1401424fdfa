/**
 * API calls for markers and protected spans of a stream.
 * In: the stream's name. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type { MarkerView, PinView } from '../../../src/api/shapes.ts';
import { askServer } from './client.ts';

/** A marker to add. */
type NewMarker = Omit<MarkerView, 'id'>;
/** A span to protect. */
type NewPin = Omit<PinView, 'id'>;

/** At most this many pages of markers are requested, a thousand each. */
const MAX_PAGES = 10;

/**
 * All markers and protected spans of a stream, in order of time; of a private stream only for administrators.
 */
export async function getMarks(
  stream: string,
  signal: AbortSignal,
): Promise<{ readonly markers: readonly MarkerView[]; readonly pins: readonly PinView[] }> {
  const pins = await askServer(signal, (client, options) => client.listStreamPins({ name: stream }, options), stream);
  const markers: MarkerView[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES && (page === 0 || cursor !== null); page++) {
    const query: { name: string; cursor?: string } = { name: stream, ...(cursor !== null && { cursor }) };
    const answer: { items: MarkerView[]; nextCursor: string | null } = await askServer(
      signal,
      (client, options) => client.listStreamMarkers(query, options),
      stream,
    );
    markers.push(...answer.items);
    cursor = answer.nextCursor;
  }
  return { markers, pins: pins.items };
}

export function addMarker(stream: string, marker: NewMarker, signal: AbortSignal): Promise<MarkerView> {
  return askServer(signal, (client, options) => client.createStreamMarker({ name: stream, body: marker }, options));
}

/** Protects a span. */
export function addPin(stream: string, pin: NewPin, signal: AbortSignal): Promise<PinView> {
  return askServer(signal, (client, options) => client.createStreamPin({ name: stream, body: pin }, options));
}

/** Removes a marker or a protected span. */
export function removeMark(stream: string, kind: 'markers' | 'pins', id: string, signal: AbortSignal): Promise<void> {
  const mark = { name: stream, id };
  return askServer(signal, (client, options) =>
    kind === 'pins' ? client.deleteStreamPin(mark, options) : client.deleteStreamMarker(mark, options),
  );
}
