/**
 * Plays a part of a file: begins at its start, stops or begins again at its end.
 * In: a video element. Out: its position.
 */

/** A part of a file, seconds from the start of the file. */
export interface FileRange {
  readonly startS: number;
  readonly endS: number;
}

/** What happens at the end of the part. */
interface RangeEnd {
  /** Whether it begins again. */
  readonly loops: () => boolean;
  /** Called when it has stopped at the end. */
  readonly stopped: () => void;
}

/** A frame that begins this long before the end is the last one, seconds. */
const LEAST_S = 0.02;

/** Keeps the playback of an element in a part of its file, until `signal` aborts. */
export function keepInRange(
  video: HTMLVideoElement,
  { startS, endS }: FileRange,
  { loops, stopped }: RangeEnd,
  { signal }: { readonly signal: AbortSignal },
): void {
  const check = () => {
    if (video.seeking || video.currentTime < endS - LEAST_S) return;
    if (video.paused && !video.ended) return; // moved there by the viewer
    if (loops()) {
      video.currentTime = startS;
      void video.play().catch(() => {}); // it had reached the end of the file
    } else {
      video.pause();
      stopped();
    }
  };
  video.addEventListener('timeupdate', check, { signal });
  video.addEventListener('ended', check, { signal });
  // Where the browser reports frames, the end is exact: timeupdate comes four times a second.
  if (!('requestVideoFrameCallback' in video)) return;
  const onframe = () => {
    if (signal.aborted) return;
    check();
    video.requestVideoFrameCallback(onframe);
  };
  video.requestVideoFrameCallback(onframe);
}
