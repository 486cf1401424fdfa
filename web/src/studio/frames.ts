/**
 * Pictures of tracks for drawing, and tracks of drawn pictures: frame by frame where the browser can, which
 * continues while the tab is hidden, otherwise with video elements and the capture of a canvas.
 * In: video tracks, a canvas. Out: the newest picture of a track, a video track. mediacapture-transform,
 * Canvas captureStream.
 */
import type { Size } from './places.ts';

/** A source of pictures of any kind, and its size. */
export interface Picture extends Size {
  readonly image: CanvasImageSource;
}

/** The pictures of one track; `close` ends the reading. The track stays the caller's. */
export interface PictureSource {
  /** The newest picture, valid until the next turn of the event loop; null before the first one. */
  picture(): Picture | null;
  close(): void;
}

/** A canvas as a video track; `close` ends it. */
export interface CanvasTrack {
  readonly track: MediaStreamTrack;
  /**
   * Sends the current picture; dropped while the encoder is slower.
   * @param timestampUs microseconds, increasing
   */
  send(timestampUs: number): void;
  close(): void;
}

/** The parts of mediacapture-transform that Chromium has in pages. */
interface Transform {
  readonly MediaStreamTrackProcessor: new (options: {
    track: MediaStreamTrack;
  }) => { readonly readable: ReadableStream<VideoFrame> };
  readonly MediaStreamTrackGenerator: new (options: {
    kind: 'video';
  }) => MediaStreamTrack & { readonly writable: WritableStream<VideoFrame> };
}

/** Whether frames are read and written one by one. */
export const hasFrames = 'MediaStreamTrackProcessor' in globalThis && 'MediaStreamTrackGenerator' in globalThis;
const transform = globalThis as unknown as Transform;

/** A black canvas for drawing. */
export function openCanvas({ width, height }: Size): CanvasRenderingContext2D {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  return canvas.getContext('2d', { alpha: false, desynchronized: true })!;
}

/**
 * Reads the pictures of a track.
 *
 * @param onFrame called with each new picture, and its time in microseconds; never without `hasFrames`
 */
export function openPictures(track: MediaStreamTrack, onFrame?: (timestampUs: number) => void): PictureSource {
  return hasFrames ? readFrames(track, onFrame) : playElement(track);
}

/** Makes a canvas a track. @param frameRate of the capture, where frames are not written one by one */
export function openCanvasTrack(context: CanvasRenderingContext2D, frameRate: number): CanvasTrack {
  if (hasFrames) return writeFrames(context);
  const track = context.canvas.captureStream(frameRate).getVideoTracks()[0]!;
  return { track, send() {}, close: () => track.stop() };
}

function writeFrames({ canvas }: CanvasRenderingContext2D): CanvasTrack {
  const track = new transform.MediaStreamTrackGenerator({ kind: 'video' });
  const writer = track.writable.getWriter();
  return {
    track,
    send(timestamp) {
      // A full queue drops the picture: the encoder is slower than the source.
      if ((writer.desiredSize ?? 0) <= 0) return;
      const composed = new VideoFrame(canvas, { timestamp });
      writer.write(composed).catch(() => composed.close());
    },
    close: () => track.stop(),
  };
}

function readFrames(track: MediaStreamTrack, onFrame?: (timestampUs: number) => void): PictureSource {
  let shown: VideoFrame | null = null;
  let isClosed = false;
  const close = () => {
    isClosed = true;
    removeEventListener('pagehide', close);
    shown?.close();
    shown = null;
  };
  // A frame that its page leaves open holds a buffer of the decoder until it is garbage collected.
  addEventListener('pagehide', close);
  const reader = new transform.MediaStreamTrackProcessor({ track }).readable.getReader();
  const run = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      shown?.close();
      shown = next.value;
      if (isClosed) break;
      onFrame?.(shown.timestamp);
    }
    close();
    // Not earlier: Chromium loses a frame, unclosed, if it arrives while a read is cancelled.
    await reader.cancel();
  };
  run().catch(() => {}); // the track has ended
  return {
    picture: () => shown && { image: shown, width: shown.displayWidth, height: shown.displayHeight },
    close,
  };
}

function playElement(track: MediaStreamTrack): PictureSource {
  const video = Object.assign(document.createElement('video'), { muted: true, playsInline: true });
  video.srcObject = new MediaStream([track]);
  video.play().catch(() => {}); // without a picture nothing is drawn
  return {
    picture() {
      if (video.videoWidth === 0) return null;
      return { image: video, width: video.videoWidth, height: video.videoHeight };
    },
    close() {
      video.srcObject = null;
    },
  };
}
