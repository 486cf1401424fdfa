/**
 * Subtitle segments: WebVTT files, created on demand from the text track of a segment.
 * In: rendition and MSN. Out: Reply. Each segment has a file, also without cues. RFC 8216bis 3.1.4;
 * docs/media.md 14.
 */
import { crc32 } from 'node:zlib';
import { FormatError } from '@oxbow/media/errors';
import type { TextTrack, Track } from '@oxbow/media/frame';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { printVttSegment } from '@oxbow/media/webvtt/segment';
import { readIntact, type SummedRange } from '../archive/integrity/read-intact.ts';
import type { RangeReader } from '../archive/range-reader.ts';
import { OxbowError } from '../lib/errors.ts';
import { etagOf } from './live/live.ts';
import type { Reply } from './reply.ts';
import { findSegment, type SegmentMedia } from './segment-media.ts';
import type { ServedStream } from './served-stream.ts';
import { bytesReply, caching, contentTypes } from './text-reply.ts';

/** The ingest writes less text into one segment, bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * A segment of a subtitle rendition by its MSN.
 *
 * @throws OxbowError `not-found`, `gone`
 */
export async function answerSubtitles(
  stream: ServedStream,
  renditionId: string,
  msn: number,
  reader: Pick<RangeReader, 'read'>,
): Promise<Reply> {
  return subtitlesReply(await findSegment(stream, msn), renditionId, msn, reader);
}

/** The subtitles of a segment. @throws OxbowError `not-found` */
export async function subtitlesReply(
  { init, tracks, startUs, utcOffsetUs }: SegmentMedia,
  renditionId: string,
  msn: number,
  reader: Pick<RangeReader, 'read'>,
): Promise<Reply> {
  const track = trackOf(init?.tracks ?? [], renditionId);
  const media = track && tracks.get(track.id)?.media;
  const bytes = media && 'location' in media ? await readText(media, reader) : media;
  return vttReply(`${renditionId}-${msn}`, track, bytes, startUs - utcOffsetUs);
}

async function readText(range: SummedRange, reader: Pick<RangeReader, 'read'>): Promise<Uint8Array | undefined> {
  return range.length <= MAX_BYTES ? readIntact(reader, range) : undefined;
}

function trackOf(tracks: readonly Track[], renditionId: string): TextTrack | undefined {
  const track = renditionsOf(tracks).subtitles.find(({ id }) => id === renditionId)?.tracks[0];
  return track?.kind === 'text' ? track : undefined;
}

function vttReply(name: string, track: TextTrack | undefined, bytes: Uint8Array | undefined, startUs: number): Reply {
  try {
    const text = Buffer.from(printVttSegment(track, bytes, startUs / 1000), 'utf8');
    return bytesReply(text, contentTypes.vtt, caching.forever, etagOf(name, [crc32(text)]));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new OxbowError('not-found', `The subtitles of ${name} cannot be read any more.`);
  }
}
