/**
 * Answers /thumb/{stream}/small/{time}.jpg and /thumb/{stream}/{from}/{to}/storyboard.vtt: the small pictures
 * of a recording. They are stored, nothing is decoded.
 * In: an instant, or a range. Out: Reply with a JPEG, or WebVTT whose cues name the pictures (W3C WebVTT,
 * 4.1).
 */

import { printVtt } from '@oxbow/media/webvtt/print';
import { OxbowError } from '../lib/errors.ts';
import { SLOT_US, slotOf } from '../recording/storyboard/storyboards.ts';
import { instantUs, parseRange } from './address-time.ts';
import type { Reply } from './reply.ts';
import type { ServedStream } from './served-stream.ts';
import { bytesReply, caching, contentTypes, playlistReply } from './text-reply.ts';

/** Longest range of a list: a day and what a page may be off. */
const MAX_RANGE_US = 26 * 3600 * 1_000_000;
/** A stored picture never changes; after a day caches check whether retention has deleted it. */
const STORED = 'public, max-age=86400, immutable';

/**
 * The small picture of an instant: all instants of ten seconds of UTC have the same.
 *
 * @param nowUs now
 * @throws OxbowError `bad-time`, `no-media`, `gone`
 */
export async function answerSmallStill(stream: ServedStream, at: string, nowUs: number): Promise<Reply> {
  const us = instantUs(at);
  if (stream.erased?.overlaps(us, us + 1))
    throw new OxbowError('gone', `The recording of ${stream.name} was deleted there.`);
  const { storyboard } = stream.recording;
  const picture = await storyboard?.at(us);
  if (!storyboard || !picture) throw new OxbowError('no-media', `${stream.name} has no small picture of that time.`);
  const jpeg = await storyboard.read(picture);
  if (jpeg.length < picture.length) throw new OxbowError('gone', 'The picture was deleted a moment ago.');
  const endUs = slotOf(us) + SLOT_US;
  // Without their own picture, ten seconds may still get one.
  const isOwn = slotOf(picture.atUs) === slotOf(us) || (nowUs > endUs + 2 * SLOT_US && stream.settled(endUs));
  return bytesReply(jpeg, contentTypes.jpeg, isOwn ? STORED : caching.past, `${picture.atUs}`);
}

/**
 * The pictures of a range as a WebVTT file; times count from the start of the range.
 *
 * @throws OxbowError `bad-time`, `window-too-long`
 */
export async function answerStoryboard(
  stream: ServedStream,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Reply> {
  const { fromUs, toUs } = parseRange(from, to);
  if (toUs - fromUs > MAX_RANGE_US) throw new OxbowError('window-too-long', 'A storyboard has at most 26 hours.');
  const pictures = (await stream.recording.storyboard?.between(fromUs, toUs)) ?? [];
  const cues = pictures.map(({ atUs, reachMs }, i) => {
    const endUs = Math.min(atUs + reachMs * 1000, pictures[i + 1]?.atUs ?? toUs, toUs);
    return {
      id: '',
      startMs: Math.max(0, (atUs - fromUs) / 1000),
      endMs: (endUs - fromUs) / 1000,
      settings: '',
      text: `../../small/${Math.floor(atUs / 1e6)}.jpg`,
    };
  });
  const text = printVtt({ header: 'WEBVTT', cues });
  return playlistReply(text, stream.settled(toUs) ? caching.past : caching.live, contentTypes.vtt);
}
