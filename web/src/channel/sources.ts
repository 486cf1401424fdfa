/**
 * What can be put on the schedule of a channel, for its lists.
 * In: assets, clips and streams. Out: sources with the values of a choice. Pure.
 */

import type { ClipView } from '../../../src/api/clips/clip-shapes.ts';
import type { AssetList } from '../../../src/api/library/asset-shapes.ts';
import type { StreamView } from '../../../src/api/shapes.ts';
import type { ChannelItemView } from '../api/channel.ts';

/** Something that can be scheduled. */
export interface ChannelSource {
  /** Kind and reference, with a space between them. */
  readonly value: string;
  readonly kind: ChannelItemView['kind'];
  readonly text: string;
  /** Its length, if it has one. */
  readonly seconds: number | undefined;
}

/** All sources, films first. @param own name of the channel */
export function sourcesOf(
  own: string,
  {
    assets,
    clips,
    streams,
  }: {
    readonly assets: AssetList['items'];
    readonly clips: readonly ClipView[];
    readonly streams: readonly StreamView[];
  },
): ChannelSource[] {
  const others = streams.filter(({ name }) => name !== own);
  const nameOf = ({ title, name }: StreamView) => title || name;
  return [
    ...assets.map(({ id, title, seconds }) => source('asset', id, title, seconds ?? undefined)),
    ...clips.map(({ id, title, stream, from, to }) => {
      return source('clip', id, title || stream, (Date.parse(to) - Date.parse(from)) / 1000);
    }),
    ...others.map((stream) => source('live', stream.name, nameOf(stream))),
    ...streams.filter(({ record }) => record).map((stream) => source('recording', stream.name, nameOf(stream))),
  ];
}

function source(kind: ChannelSource['kind'], ref: string, text: string, seconds?: number): ChannelSource {
  return { value: `${kind} ${ref}`, kind, text, seconds };
}
