/**
 * Takes a subtitle segment apart: a WebVTT file, or WebVTT in fragmented MP4.
 * In: its bytes. Out: header and cues on the clock of the media, or a FormatError. Pure. RFC 8216bis 3.1.4;
 * ISO/IEC 14496-30.
 */
import { concatBytes } from '@oxbow/media/bytes';
import { FormatError } from '@oxbow/media/errors';
import { parseVtt } from '@oxbow/media/webvtt/parse';
import { parseSample } from '@oxbow/media/webvtt/sample';
import { parseTextHeader } from '@oxbow/media/webvtt/traits';
import { SegmentDemux } from '../segment/segment-demux.ts';
import type { Fetched } from '../segment/segment-download.ts';
import type { TimedCue } from './cue-queue.ts';

/** A segment's text. */
interface SubtitleSegment {
  readonly header: string;
  readonly cues: readonly TimedCue[];
}

/** Largest segment, bytes. */
export const MAX_SUBTITLE_BYTES = 2 * 1024 * 1024;

/**
 * @param fetched the segment; its list of pieces is emptied
 * @throws FormatError if it is neither WebVTT nor fragmented MP4
 */
export function parseSubtitleSegment(
  { pieces, init }: Extract<Fetched, { kind: 'fetched' }>,
  discontinuitySequence: number,
): SubtitleSegment {
  const bytes = concatBytes(pieces.splice(0));
  if (bytes.length > MAX_SUBTITLE_BYTES)
    throw new FormatError(`a subtitle segment of ${bytes.length} bytes`, MAX_SUBTITLE_BYTES);
  if (init) return parseFragments(bytes, init, discontinuitySequence);
  const { header, timestampMap, cues } = parseVtt(new TextDecoder().decode(bytes));
  const { mpegts, localMs } = timestampMap ?? { mpegts: 0, localMs: 0 };
  return {
    header,
    cues: cues.map(({ startMs, endMs, ...cue }) => {
      const start = mpegts + (startMs - localMs) * 90;
      return { ...cue, start, end: start + (endMs - startMs) * 90, wraps: true, discontinuitySequence };
    }),
  };
}

function parseFragments(
  bytes: Uint8Array,
  init: NonNullable<Extract<Fetched, { kind: 'fetched' }>['init']>,
  discontinuitySequence: number,
): SubtitleSegment {
  const { groups } = new SegmentDemux().demux([bytes], init);
  const cues: TimedCue[] = [];
  /** Index in `cues` by end and content: a cue that continues is repeated in the next sample. */
  const going = new Map<string, number>();
  let header = 'WEBVTT';
  for (const { tracks, frames } of groups) {
    const track = tracks.find(({ kind }) => kind === 'text');
    if (track?.kind !== 'text') continue;
    ({ header } = parseTextHeader(track));
    const scale = 90_000 / track.timescale;
    for (const { trackId, pts, duration, data } of frames) {
      if (trackId !== track.id) continue;
      const start = Math.round(pts * scale);
      const end = Math.round((pts + duration) * scale);
      for (const { id, settings, text } of parseSample(data)) {
        const at = going.get(JSON.stringify([start, settings, text])) ?? cues.length;
        const cue = { id, settings, text, start: cues[at]?.start ?? start, end, wraps: false, discontinuitySequence };
        cues[at] = cue;
        going.delete(JSON.stringify([start, settings, text]));
        going.set(JSON.stringify([end, settings, text]), at);
      }
    }
  }
  return { header, cues };
}
