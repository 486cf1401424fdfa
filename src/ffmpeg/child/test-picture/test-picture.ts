/**
 * Draws, encodes and paces the test picture.
 * In: options, the clock. Out: messages with tracks, then frames.
 */
import type { Writable } from 'node:stream';
import { concatBytes } from '@oxbow/media/bytes';
import type { Clock } from '../../../lib/clock.ts';
import { printFrame, printTracks } from '../../frame-protocol.ts';
import { type LastFrames, type TestPictureOptions, testTimescales, testTracks } from '../../test-picture-options.ts';
import { AudioEncoder, toneConfig } from '../audio-encoder.ts';
import { AAC_SAMPLES, createSteadyUtc, framesDue, numberAfter, pictureMs, pictureTicks } from '../pacing.ts';
import { Picture } from '../picture.ts';
import { fillTone } from '../tone.ts';
import { VideoEncoder } from '../video-encoder.ts';

const MAX_UNREAD_BYTES = 4 * 1024 * 1024;
const UNREAD_PAUSE_MS = 20;
/** Late frames are made for this long at a time: requests of the same process wait meanwhile. */
const BUSY_MS = 50;

/** Where the messages go: the standard output, or a test. */
type TestPictureSink = Pick<Writable, 'writableLength'> & { write(bytes: Uint8Array): unknown };

/** A test picture that does not run yet. Disposing ends it. */
export interface ChildPicture extends Disposable {
  /** Writes tracks, then frames in real time. Called once. */
  start(): void;
}

/**
 * Opens the encoders of a test picture.
 *
 * @param after the newest frames of an earlier process; what follows is due, unless that is long ago
 * @throws Error with the message of FFmpeg
 */
export function createTestPicture(
  options: TestPictureOptions,
  sink: TestPictureSink,
  clock: Clock,
  after: LastFrames = {},
): ChildPicture {
  let made: Uint8Array[] = [];
  const video = new VideoEncoder(options);
  const audio = new AudioEncoder(options.audioBitRate, (shown, data) => {
    const pts = shown * AAC_SAMPLES;
    made.push(printFrame({ trackId: testTracks.audio, dts: pts, pts, duration: AAC_SAMPLES, key: true, data }));
  });
  const picture = new Picture(options.width, options.height, options.name);
  const rate = options.frameRate;
  const utcMs = createSteadyUtc(clock);
  const common = { language: 'und', label: '' };
  const tracks = printTracks([
    { ...common, id: testTracks.video, timescale: testTimescales.video, kind: 'video', config: video.config },
    { ...common, id: testTracks.audio, timescale: testTimescales.audio, kind: 'audio', config: toneConfig },
  ]);

  let { picture: lastPicture, audio: lastAudio } = numberAfter(after, rate);
  let lastKeySecond = Number.NEGATIVE_INFINITY;
  let lastDts = after.video ?? Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const makePicture = (number: number) => {
    picture.draw(pictureMs(number, rate), number);
    const second = Math.floor(pictureMs(number, rate) / 1000 / options.keyframeIntervalS);
    const key = second !== lastKeySecond;
    lastKeySecond = second;
    video.encode(picture.planes, number, key, (encoded) => {
      const pts = pictureTicks(encoded.pts, rate);
      // x264 keeps this order; a frame that violates it is dropped.
      const dts = pictureTicks(encoded.dts, rate);
      if (dts <= lastDts || dts > pts) return;
      lastDts = dts;
      const duration = pictureTicks(encoded.pts + 1, rate) - pts;
      made.push(printFrame({ trackId: testTracks.video, dts, pts, duration, key: encoded.key, data: encoded.data }));
    });
  };

  const makeAudio = (number: number) => {
    fillTone(number * AAC_SAMPLES, audio.samples);
    audio.encode(number);
  };

  const tick = () => {
    const now = utcMs();
    // On systems where the pipe does not block (it does on Linux), a slow reader must not use memory.
    if (sink.writableLength > MAX_UNREAD_BYTES) {
      timer = setTimeout(tick, UNREAD_PAUSE_MS);
      return;
    }
    const untilMs = clock.monotonicMs() + BUSY_MS;
    for (const { kind, number } of framesDue(now, { picture: lastPicture, audio: lastAudio }, rate)) {
      if (clock.monotonicMs() > untilMs) break;
      if (kind === 'picture') {
        lastPicture = number;
        makePicture(number);
      } else {
        lastAudio = number;
        makeAudio(number);
      }
    }
    if (made.length > 0) sink.write(concatBytes(made));
    made = [];
    timer = setTimeout(tick, Math.max(1, pictureMs(lastPicture! + 1, rate) - utcMs()));
  };
  return {
    start() {
      sink.write(tracks);
      tick();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      video[Symbol.dispose]();
      audio[Symbol.dispose]();
    },
  };
}
