/**
 * The settings of a recording as the form has them.
 * In: the result of a probe, the fields. Out: suggested settings; the stream to create. Pure.
 */
import type { ProbeView } from '../../../src/api/probe.ts';
import type { StreamSettings } from '../../../src/api/shapes.ts';
import { suggestName } from '../../../src/api/source/suggested-name.ts';
import { MAX_TITLE } from '../../../src/api/stream/stream-texts.ts';

export interface RecordSettings {
  name: string;
  /** Shown to viewers instead of the name; may be empty. */
  title: string;
  /** Name of one of the source's qualities, or `best`. */
  quality: string;
  /** A duration; empty: the server's default. */
  keep: string;
  /** Begins with the oldest media that the source still has. */
  fromStart: boolean;
}

/**
 * What the form suggests for a source; how long it is kept is not a matter of the source.
 *
 * @param view null: the source was not probed
 * @param taken names of streams that exist
 */
export function suggestSettings(
  view: Pick<ProbeView, 'title'> | null,
  url: string,
  taken: readonly string[],
): Omit<RecordSettings, 'keep'> {
  return {
    name: suggestName(view?.title ?? '', url, taken),
    title: view?.title?.slice(0, MAX_TITLE) ?? '',
    quality: 'best',
    fromStart: false,
  };
}

/** The stream to create. @param backS how far back the source can be read, seconds; 0: not at all */
export function newStream(
  { name, title, quality, keep, fromStart }: RecordSettings,
  url: string,
  backS: number,
): StreamSettings & { readonly name: string } {
  const wholeS = Math.floor(backS);
  const shownTitle = title.trim();
  return {
    name: name.trim(),
    source: {
      type: 'pull',
      url: url.trim(),
      ...(quality !== 'best' && { quality }),
      ...(fromStart && wholeS > 0 && { from: `${wholeS}s` }),
    },
    ...(shownTitle !== '' && { title: shownTitle }),
    ...(keep !== '' && { keep }),
  };
}
