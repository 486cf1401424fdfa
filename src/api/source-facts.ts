/**
 * The description of a source and the measured facts of its media: for `probe`, GET /streams/{name} and the
 * record page.
 * In: ingest. Out: JSON. Shared with the interface.
 */
import type { Static } from 'typebox';
import { Type } from './type.ts';

/** One quality that a source offers. */
export const SourceQuality = Type.Object(
  {
    /**
     * Value for the setting `quality`, e.g. `720p` or `720p60`; a bitrate such as `2500k` if the height is
     * not known.
     */
    name: Type.String(),
    width: Type.Optional(Type.Integer()),
    height: Type.Optional(Type.Integer()),
    frameRate: Type.Optional(Type.Number()),
    bandwidth: Type.Optional(Type.Integer({ description: 'bits per second, as declared by the source' })),
    codecs: Type.Optional(Type.String({ description: 'RFC 6381' })),
  },
  { $id: 'SourceQuality' },
);
export type SourceQuality = Static<typeof SourceQuality>;

/**
 * A track that is not recorded: oxbow does not support it, or it is another program of the feed. Its type is
 * in left-out.ts, which does not import the schema library.
 */
const LeftOutTrack = Type.Object(
  {
    kind: Type.Union([
      Type.Literal('video'),
      Type.Literal('audio'),
      Type.Literal('text'),
      Type.Literal('program', { description: 'another program of the feed, which `program=` selects' }),
      Type.Literal('unknown'),
    ]),
    name: Type.String({ description: 'in words, e.g. `MPEG-2 video` or `DTS audio`; at most 120 characters' }),
  },
  { $id: 'LeftOutTrack' },
);

/** A closed caption service within the video. */
const CaptionChannel = Type.Object(
  {
    service: Type.String({ description: '`CC1` to `CC4`, or `SERVICE1` to `SERVICE63`' }),
    language: Type.String({ description: 'BCP 47, `und` if it is not known' }),
    name: Type.String(),
  },
  { $id: 'CaptionChannel' },
);

/** The description of a source. */
export const SourceFacts = Type.Object(
  {
    protocol: Type.Union([
      Type.Literal('hls'),
      Type.Literal('mp4'),
      Type.Literal('page'),
      Type.Literal('test'),
      Type.Literal('channel'),
      Type.Literal('udp'),
      Type.Literal('srt'),
      Type.Literal('rtp'),
      Type.Literal('rtsp'),
      Type.Literal('whep'),
    ]),
    container: Type.String({ description: '`mpegts`, `fmp4`, `mp4`, `packed-audio`; empty until a segment was read' }),
    title: Type.String({ description: 'may be empty' }),
    thumbnail: Type.Optional(Type.String({ description: 'URL of a picture (pages only)' })),
    live: Type.Boolean({ description: 'false: the source has an end' }),
    durationS: Type.Optional(Type.Number({ description: 'duration of a source that has an end, seconds' })),
    backS: Type.Optional(Type.Number({ description: 'how far before the live edge the source offers media, seconds' })),
    qualities: Type.Array(SourceQuality),
    chosen: Type.Optional(Type.String({ description: 'name of the selected quality' })),
    captions: Type.Optional(
      Type.Array(CaptionChannel, {
        description: 'closed captions by the playlist of the source; empty if it says none',
      }),
    ),
    leftOut: Type.Optional(Type.Array(LeftOutTrack, { description: 'unsupported tracks; absent if there are none' })),
    warnings: Type.Optional(
      Type.Array(Type.String(), {
        description: 'what is shown otherwise than the file says, one sentence each; absent if there is nothing',
      }),
    ),
  },
  { $id: 'SourceFacts' },
);
export type SourceFacts = Static<typeof SourceFacts>;

/** Rates of the media that flows; null if not applicable or not known yet. */
export const MediaRates = Type.Object(
  {
    bitrate: Type.Integer({ description: 'bits per second of all tracks together' }),
    frameRate: Type.Union([Type.Number({ description: 'pictures per second' }), Type.Null()]),
    gopS: Type.Union([Type.Number({ description: 'longest key frame interval, seconds' }), Type.Null()]),
  },
  { $id: 'MediaRates' },
);
export type MediaRates = Static<typeof MediaRates>;
