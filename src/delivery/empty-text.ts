/**
 * A segment of a text track that has no cue in it: one empty sample. Players of DASH count segments, so every
 * number has one.
 * In: a segment whose text track has no media. Out: Reply. ISO/IEC 14496-30, 6.6; docs/media.md 19.
 */
import { crc32 } from 'node:zlib';
import type { Track } from '@oxbow/media/frame';
import { fragmentLength, loneSlot, printFragment, sequenceNumber } from '@oxbow/media/isobmff/fragment';
import { renditionsOf } from '@oxbow/media/rendition-set';
import { usToTicks } from '@oxbow/media/run';
import { emptySample } from '@oxbow/media/webvtt/sample';
import type { SegmentMedia } from './segment-media.ts';

/** The bytes; undefined if the rendition is no text track of the segment, or has cues in it. */
export function emptyText(
  { init, tracks, startUs, durationUs, utcOffsetUs }: SegmentMedia<unknown>,
  { rendition, msn }: { readonly rendition: string; readonly msn: number },
): { readonly bytes: Uint8Array; readonly crc: number } | undefined {
  const track = init && renditionsOf(init.tracks).subtitles.find(({ id }) => id === rendition)?.tracks[0];
  if (!track || tracks.has(track.id)) return undefined;
  const { t, d } = textTimes({ startUs, durationUs, utcOffsetUs }, track);
  const frames = [{ trackId: track.id, dts: t, pts: t, duration: d, key: true, data: emptySample }];
  const bytes = new Uint8Array(fragmentLength(frames));
  printFragment(bytes, 0, { sequence: sequenceNumber(msn, loneSlot, 0), trackId: track.id, tfdt: t, frames });
  return { bytes, crc: crc32(bytes) };
}

/** The times of a text segment, with cues or without, in ticks: those of the cut. */
function textTimes(
  { startUs, durationUs, utcOffsetUs }: Pick<SegmentMedia, 'startUs' | 'durationUs' | 'utcOffsetUs'>,
  { timescale }: Track,
): { readonly t: number; readonly d: number } {
  const t = usToTicks(startUs - utcOffsetUs, timescale);
  return { t, d: usToTicks(startUs + durationUs - utcOffsetUs, timescale) - t };
}
