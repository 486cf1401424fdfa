/**
 * A segment of a text track as a WebVTT file, for players that take subtitles as text.
 * In: the fragments of one segment, if it has any, and where it begins. Out: text. Pure. RFC 8216bis 3.1.4.
 */
import type { TextTrack } from '../frame.ts';
import { parseSegment } from '../isobmff/segment-frames.ts';
import type { VttCue } from './cue.ts';
import { printVtt } from './print.ts';
import { parseSample } from './sample.ts';
import { parseTextHeader } from './traits.ts';

const WRAP = 2 ** 33;
const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The file: every cue that is shown in the segment, with the times at which it begins and ends, be they
 * outside of it. Its clock is that of the media; the map says so with the segment's start, so that 33
 * bits suffice.
 *
 * @param track undefined: the segment has no such track
 * @param bytes moof and mdat pairs; undefined: nothing is shown
 * @param startMs media time of the segment, ms, 0 or more
 * @throws FormatError if a box or sample is malformed
 */
export function printVttSegment(track: TextTrack | undefined, bytes: Uint8Array | undefined, startMs: number): string {
  const localMs = Math.max(0, Math.round(startMs));
  const timestampMap = { mpegts: (localMs * 90) % WRAP, localMs };
  const header = track ? parseTextHeader(track).header : 'WEBVTT';
  return printVtt({ header, timestampMap, cues: track && bytes ? cuesOf(track, bytes) : [] });
}

function cuesOf({ timescale }: TextTrack, bytes: Uint8Array): VttCue[] {
  const cues = new Map<string, VttCue>();
  const ms = (ticks: number) => Math.round((ticks * 1000) / timescale);
  for (const { pts, duration, data } of parseSegment(bytes) ?? []) {
    for (const { id, settings, text, before, after } of parseSample(data)) {
      const times = { startMs: ms(pts - before), endMs: ms(pts + duration + after) };
      const cue = { id: id || idOf(times, settings + text), settings, text, ...times };
      if (cue.endMs > cue.startMs) cues.set(JSON.stringify(cue), cue);
    }
  }
  return [...cues.values()].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
}

/**
 * The identifier of a cue that has none, the same in each segment in which it is shown. Without one, players
 * recognize a repeated cue by its times, which they calculate again in each segment: hls.js shows it twice
 * where they differ by rounding.
 */
function idOf({ startMs, endMs }: Pick<VttCue, 'startMs' | 'endMs'>, words: string): string {
  const text = `${startMs} ${endMs} ${words}`;
  let hash = FNV_START;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME) >>> 0;
  return `c${hash.toString(36)}`;
}
