/**
 * The formats of live video, published as `oxbow/media`: playlists, MPEG-TS and fragmented MP4.
 * In: text, bytes, frames. Out: the same in another format. Pure: no `node:` modules, no clock, no
 * dependency; for browsers and Node. All that is exported here is public and documented in
 * docs/8-api/media.md; all other files of packages/media are internal.
 */
import { type Fragment, fragmentLength, printFragment } from './isobmff/fragment.ts';
import type { MediaPlaylist } from './m3u8/playlist.ts';
import { printMediaPlaylist as printMediaPlaylistBytes } from './m3u8/print.ts';

export { FormatError } from './errors.ts';
export type {
  AudioConfig,
  AudioTrack,
  DataConfig,
  DataTrack,
  Demuxer,
  DemuxerOutput,
  Frame,
  TextConfig,
  TextTrack,
  Track,
  TrackKind,
  VideoConfig,
  VideoTrack,
} from './frame.ts';
export { createFmp4Demuxer, type Fmp4Demuxer } from './isobmff/demuxer.ts';
export type { Fragment as Fmp4Fragment } from './isobmff/fragment.ts';
export { printInit as printFmp4Init } from './isobmff/init.ts';
export type { LeftOutTrack } from './left-out.ts';
export { type ParsedPlaylist, PlaylistReader, parsePlaylist } from './m3u8/parse.ts';
export type {
  ByteRange,
  DateRangeTag,
  IFrameVariant,
  KeyTag,
  MapTag,
  MediaPlaylist,
  MultivariantPlaylist,
  PlaylistPart,
  PlaylistSegment,
  PreloadHint,
  Rendition,
  RenditionReport,
  Resolution,
  ServerControl,
  SessionData,
  StartTag,
  Variant,
} from './m3u8/playlist.ts';
export { printMultivariantPlaylist } from './m3u8/print.ts';
export type { VariableSources } from './m3u8/variables.ts';
export { createTsDemuxer, type TsDemuxer } from './mpegts/demuxer.ts';
export { muxSegment as muxTsSegment, type SegmentInput as TsSegmentInput } from './mpegts/muxer/muxer.ts';

/**
 * Prints a Media Playlist. Durations have five decimals, dates milliseconds and `Z`; EXT-X-MAP, EXT-X-KEY and
 * EXT-X-BITRATE are written where they change.
 *
 * @throws RangeError if a date is outside the range of Date
 */
export function printMediaPlaylist(playlist: MediaPlaylist): string {
  return new TextDecoder().decode(printMediaPlaylistBytes(playlist));
}

/**
 * Prints one movie fragment: moof and mdat of one track, as a CMAF chunk (ISO/IEC 23000-19, 7.3.2).
 *
 * @returns a new array; each frame is copied once
 * @throws RangeError if `tfdt` is not a safe integer from 0, or a frame has `pts` before `dts` or a negative
 *   duration
 * @throws TypeError if there is no frame
 */
export function printFmp4Fragment(fragment: Fragment): Uint8Array {
  const bytes = new Uint8Array(fragmentLength(fragment.frames));
  printFragment(bytes, 0, fragment);
  return bytes;
}
