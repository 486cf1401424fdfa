/**
 * Answers /vod/{stream}/{from}/{to}/captions.vtt: the CEA-608 captions of a window as text.
 * In: a time range. Out: Reply. Times count from the start of the range. The segments of the range are read,
 * one after another.
 */

import { CaptionCollector } from '@oxbow/media/captions/collector';
import type { CaptionCue } from '@oxbow/media/captions/decoder';
import type { Track } from '@oxbow/media/frame';
import { parseSegment } from '@oxbow/media/isobmff/segment-frames';
import { ticksToUs } from '@oxbow/media/run';
import { printVtt } from '@oxbow/media/webvtt/print';
import type { MediaAddress } from '../../api/media-address.ts';
import { readIntact } from '../../archive/integrity/read-intact.ts';
import type { RangeReader } from '../../archive/range-reader.ts';
import { OxbowError } from '../../lib/errors.ts';
import { parseRange } from '../address-time.ts';
import type { Reply } from '../reply.ts';
import { Semaphore } from '../segment-memo.ts';
import type { ServedStream } from '../served-stream.ts';
import { caching, contentTypes, playlistReply } from '../text-reply.ts';
import type { WorkOptions } from '../work-budget.ts';
import { segmentsOver } from './past.ts';
import type { StoredSegment } from './past-presentation.ts';

/** Longest range: all its video is read. */
const MAX_RANGE_US = 3600 * 1_000_000;
/** A caption may have begun this long before the range. */
const LEAD_US = 16_000_000;
/** Ranges that are read at a time, in all streams. */
const AT_ONCE = 2;
/** A segment whose video is read counts as this many of which only the index is read. */
const READ_COST = 10;

const turns = new Semaphore(AT_ONCE);

type CaptionsRequest = Pick<Extract<MediaAddress, { kind: 'captions' }>, 'from' | 'to' | 'channel'>;

/**
 * The captions of a range as a WebVTT file, without cues if there are none.
 *
 * @throws OxbowError `bad-time`, `no-media`, `gone`, `window-too-long`, `too-many-requests`
 */
export async function answerCaptions(
  stream: ServedStream,
  { from, to, channel }: CaptionsRequest,
  { reader, signal, budget }: WorkOptions & { readonly reader: Pick<RangeReader, 'read'> },
): Promise<Reply> {
  const range = parseRange(from, to);
  const { fromUs, toUs } = range;
  if (toUs - fromUs > MAX_RANGE_US)
    throw new OxbowError('window-too-long', 'The range of captions is longer than one hour.');
  // The index too is read in turn: many requests that arrive together would otherwise read it within one turn
  // of the event loop.
  const cues = await turns.run(async () => {
    signal.throwIfAborted();
    budget?.begin();
    const asked = await segmentsOver(stream, range);
    budget?.spend(asked.length * READ_COST);
    const lead = await segmentsOver(stream, { fromUs: fromUs - LEAD_US, toUs }).catch(() => asked);
    const segments = lead.at(-1)?.msn === asked.at(-1)?.msn ? lead : asked;
    return read(segments, fromUs, { reader, signal });
  });
  const wanted = channel === undefined ? cues.map(({ service }) => service).sort()[0] : `CC${channel}`;
  const lengthMs = (toUs - fromUs) / 1000;
  const clippedCues = cues
    .filter((cue) => cue.service === wanted && cue.endMs > 0 && cue.startMs < lengthMs)
    .map((cue) => ({ ...cue, startMs: Math.max(0, cue.startMs), endMs: Math.min(lengthMs, cue.endMs) }));
  const text = new TextEncoder().encode(printVtt({ header: 'WEBVTT', cues: clippedCues }));
  return playlistReply(text, stream.settled(toUs) ? caching.past : caching.live, contentTypes.vtt);
}

async function read(
  segments: readonly StoredSegment[],
  originUs: number,
  { reader, signal }: { readonly reader: Pick<RangeReader, 'read'>; readonly signal: AbortSignal },
): Promise<CaptionCue[]> {
  const cues: CaptionCue[] = [];
  let open: { readonly track: Track; readonly collector: CaptionCollector } | undefined;
  let endMs = 0;
  let before: StoredSegment | undefined;
  const close = () => {
    open?.collector.end(endMs);
    cues.push(...(open?.collector.cues ?? []));
    open = undefined;
  };
  for (const segment of segments) {
    signal.throwIfAborted();
    if (before && (before.run !== segment.run || segment.discontinuity)) close();
    before = segment;
    const track = segment.init?.tracks.find(({ config: { codec } }) => codec === 'h264' || codec === 'hevc');
    const media = segment.tracks.find(({ trackId }) => trackId === track?.id);
    if (!track || !media || media.length === 0) continue;
    if (open?.track.config.codec !== track.config.codec) close();
    const codec = track.config.codec === 'hevc' ? 'hevc' : 'h264';
    open ??= { track, collector: new CaptionCollector(codec) };
    const bytes = await readIntact(reader, { ...media, location: media.location ?? segment.location });
    const shiftUs = segment.utcOffsetUs - originUs;
    for (const { pts, data } of parseSegment(bytes) ?? []) {
      open.collector.add(data, (ticksToUs(pts, track.timescale) + shiftUs) / 1000);
    }
    endMs = (segment.startUs + segment.durationUs - originUs) / 1000;
  }
  close();
  return cues;
}
