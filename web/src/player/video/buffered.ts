/**
 * The media that an element has loaded.
 * In: a media element. Out: seconds. Reads only.
 */

/** Buffered media from a position on, without a hole, seconds; by default from the playhead. */
export function bufferedAheadS(video: HTMLVideoElement, atS = video.currentTime): number {
  const { buffered } = video;
  for (let index = 0; index < buffered.length; index++) {
    if (buffered.start(index) - 0.1 <= atS && atS < buffered.end(index)) return buffered.end(index) - atS;
  }
  return 0;
}
