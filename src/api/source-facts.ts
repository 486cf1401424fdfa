/**
 * What is known of a source before and while it is recorded: for `probe`, for GET /streams/{name}, for the record page.
 * In: ingest. Out: JSON. Shared with the interface.
 */
import type { Static } from 'typebox';
import { Type } from './type.ts';

/** One quality that a source offers. */
export const SourceQuality = Type.Object(
  {
    /** What a person chooses it by, e.g. `720p` or `720p60`; a bitrate as `2500k` where the height is not known. */
    name: Type.String(),
    width: Type.Optional(Type.Integer()),
    height: Type.Optional(Type.Integer()),
    frameRate: Type.Optional(Type.Number()),
    bandwidth: Type.Optional(Type.Integer({ description: 'bits per second, as the source says' })),
    codecs: Type.Optional(Type.String({ description: 'RFC 6381' })),
  },
  { $id: 'SourceQuality' },
);
export type SourceQuality = Static<typeof SourceQuality>;

/** A track that oxbow cannot take; its type is in left-out.ts, which does not depend on the library of schemas. */
const LeftOutTrack = Type.Object(
  {
    kind: Type.Union([Type.Literal('video'), Type.Literal('audio'), Type.Literal('text'), Type.Literal('unknown')]),
    name: Type.String({ description: 'in words, e.g. `MPEG-2 video` or `DTS audio`; at most 120 characters' }),
  },
  { $id: 'LeftOutTrack' },
);

/** What a source says of itself. */
export const SourceFacts = Type.Object(
  {
    protocol: Type.Union([Type.Literal('hls'), Type.Literal('mp4'), Type.Literal('page'), Type.Literal('test')]),
    container: Type.String({ description: '`mpegts`, `fmp4`, `mp4`, `packed-audio`; empty until a segment was read' }),
    title: Type.String({ description: 'empty where it has none' }),
    thumbnail: Type.Optional(Type.String({ description: 'URL of a picture, of pages only' })),
    live: Type.Boolean({ description: 'false: it ends' }),
    durationS: Type.Optional(Type.Number({ description: 'of a source that ends, seconds' })),
    backS: Type.Optional(
      Type.Number({ description: 'how far back before its edge a live source offers media, seconds' }),
    ),
    qualities: Type.Array(SourceQuality),
    chosen: Type.Optional(Type.String({ description: 'name of the quality that is taken' })),
    leftOut: Type.Optional(
      Type.Array(LeftOutTrack, { description: 'tracks that oxbow cannot take; absent where it takes all of them' }),
    ),
  },
  { $id: 'SourceFacts' },
);
export type SourceFacts = Static<typeof SourceFacts>;

/** What was measured of the media that flows; null where it does not apply or is not known yet. */
export const MediaRates = Type.Object(
  {
    bitrate: Type.Integer({ description: 'bits per second of all tracks together' }),
    frameRate: Type.Union([Type.Number({ description: 'pictures per second' }), Type.Null()]),
    gopS: Type.Union([Type.Number({ description: 'longest distance of two key frames, seconds' }), Type.Null()]),
  },
  { $id: 'MediaRates' },
);
export type MediaRates = Static<typeof MediaRates>;
