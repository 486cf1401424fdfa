/**
 * Finds the live window that answers an address: that of the stream, or of one of its derived qualities,
 * which have their own windows. Windows have names, `cam` and `cam~480`, under which serving threads have
 * their replicas.
 * In: live addresses. Out: names of windows, streams. docs/media.md 17. Pure.
 */
import type { LiveEdge } from '@oxbow/media/presentation';
import { renditionsOf, rungOf } from '@oxbow/media/rendition-set';
import type { LiveWindowView } from '../../packager/live-segment.ts';
import type { ServedLiveStream } from '../served-stream.ts';
import { lastPartOf } from './live-presentation.ts';

/** No name of a stream has it. */
const SEPARATOR = '~';

const NONE: NonNullable<LiveEdge['beside']> = [];

/** A stream with its derived qualities by rung, or one of them. */
interface WithQualities<Served> {
  readonly qualities?: ReadonlyMap<string, Served> | undefined;
}

/** The name of the window of a derived quality. */
export function qualityWindowName(stream: string, rung: string): string {
  return `${stream}${SEPARATOR}${rung}`;
}

/** The name of the window that an address is answered from. */
export function windowNameOf(address: { readonly stream: string; readonly rendition?: string }): string {
  const rung = address.rendition === undefined ? undefined : rungOf(address.rendition);
  return rung === undefined ? address.stream : qualityWindowName(address.stream, rung);
}

/** The stream that a window belongs to, for access control and metrics. */
export function streamOfWindow(name: string): string {
  const at = name.indexOf(SEPARATOR);
  return at < 0 ? name : name.slice(0, at);
}

/** Finds a stream or one of its derived qualities by the name of its window. */
export function findWindow<Served>(
  find: (stream: string) => (Served & WithQualities<Served>) | undefined,
  name: string,
): Served | undefined {
  const at = name.indexOf(SEPARATOR);
  if (at < 0) return find(name);
  return find(name.slice(0, at))?.qualities?.get(name.slice(at + 1));
}

/** The derived quality of a stream that has a rendition; the stream itself if none has. */
export function qualityFor<Served>(stream: Served & WithQualities<Served>, renditionId: string): Served {
  const rung = rungOf(renditionId);
  return (rung !== undefined && stream.qualities?.get(rung)) || stream;
}

/**
 * The variants of the other windows of a stream that players may switch to: those of the stream, and those of
 * its live qualities.
 */
export function besideOf(stream: ServedLiveStream, { generation }: LiveWindowView): NonNullable<LiveEdge['beside']> {
  const source = stream.source ?? stream;
  if (source.list.state.qualities.length === 0) return NONE;
  const live = source.list.state.qualities.flatMap(({ track }) => source.qualities?.get(track.rung) ?? []);
  return [source, ...live].flatMap((other) => {
    const view = other.list === stream.list ? undefined : other.list.view(generation.number);
    if (!view || view.ended) return [];
    return renditionsOf(view.tracks).variants.flatMap((rendition) => {
      const last = lastPartOf(view, rendition);
      return last ? [{ rendition: rendition.id, last }] : [];
    });
  });
}
