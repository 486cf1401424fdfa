/**
 * An encoder with a clock in its picture, as OBS publishes: ffmpeg with x264, fed with the test picture and a
 * tone in real time.
 * In: as a separate process, the options as arguments. Out: a publisher, until it is killed. The strip of
 * each picture has the UTC at which the picture was drawn (src/ffmpeg/strip.ts).
 *
 * Picture and tone have one clock, like a camera and its microphone: ffmpeg sends a picture after the sound
 * before it, so sound that begins later would delay every picture.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Picture } from '../../src/ffmpeg/child/picture.ts';

const SIZE = { width: 640, height: 360 } as const;
/** Frames per second. */
export const FPS = 30;
const SAMPLE_RATE = 48_000;
/** Samples of the tone that are sent at once, as OBS does. */
const TONE_SAMPLES = 1024;
const TONE_HZ = 440;

/** Settings of x264, as arguments of ffmpeg. */
export const encoderSettings = {
  /** 1 s GOP, no delay in the encoder. */
  zerolatency: ['-preset', 'veryfast', '-tune', 'zerolatency', '-g', '30', '-keyint_min', '30'],
  /** OBS's default: 2 s GOP, two B-frames, look-ahead. */
  obs: ['-preset', 'veryfast', '-bf', '2', '-g', '60', '-keyint_min', '60'],
} as const;

/** Starts the encoder; disposing ends it. */
export async function startClockEncoder(url: string, settings: keyof typeof encoderSettings): Promise<AsyncDisposable> {
  const child = fork(fileURLToPath(import.meta.url), [url, settings], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

async function encode(url: string, settings: readonly string[]): Promise<void> {
  // Without these, ffmpeg collects seconds of each input before it begins.
  const now = ['-fflags', 'nobuffer', '-probesize', '32', '-analyzeduration', '0'];
  const tone = ['-f', 's16le', '-ar', `${SAMPLE_RATE}`, '-ac', '1', '-i', 'pipe:3'];
  const size = `${SIZE.width}x${SIZE.height}`;
  const pictures = [
    '-f',
    'rawvideo',
    '-pix_fmt',
    'yuv420p',
    '-video_size',
    size,
    '-framerate',
    `${FPS}`,
    '-i',
    'pipe:0',
  ];
  const codecs = ['-c:v', 'libx264', ...settings, '-b:v', '800k', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '128k'];
  const output = ['-map', '0:a', '-map', '1:v', ...codecs, '-flush_packets', '1', '-f', 'flv', url];
  const child: ChildProcess = spawn(
    'ffmpeg',
    ['-hide_banner', '-loglevel', 'error', ...now, ...tone, ...now, ...pictures, ...output],
    { stdio: ['pipe', 'ignore', 'inherit', 'pipe'] },
  );
  process.once('SIGTERM', () => child.kill('SIGKILL'));
  process.once('disconnect', () => child.kill('SIGKILL'));
  child.once('exit', () => process.exit());
  const [video, sound] = [child.stdin!, child.stdio[3] as Writable];
  for (const input of [video, sound]) input.on('error', () => undefined); // the exit of ffmpeg ends this process
  const picture = new Picture(SIZE.width, SIZE.height, 'clock');
  const draw = (number: number) => {
    picture.draw(performance.timeOrigin + performance.now(), number);
    return send(video, picture.planes.slice());
  };
  // ffmpeg starts: both clocks begin once it reads.
  await Promise.all([send(sound, toneOf(0)), draw(0)]);
  const startMs = performance.now();
  const paced = async (everyMs: number, make: (number: number) => Promise<void>) => {
    for (let number = 1; ; number++) {
      const waitMs = startMs + number * everyMs - performance.now();
      if (waitMs > 0) await pause(waitMs);
      await make(number);
    }
  };
  await Promise.all([
    paced(1000 / FPS, draw),
    paced((1000 * TONE_SAMPLES) / SAMPLE_RATE, (number) => send(sound, toneOf(number))),
  ]);
}

async function send(input: Writable, bytes: Uint8Array): Promise<void> {
  if (!input.write(bytes)) await once(input, 'drain').catch(() => undefined);
}

function toneOf(number: number): Uint8Array {
  const samples = Int16Array.from({ length: TONE_SAMPLES }, (_, k) =>
    Math.round(4_000 * Math.sin((2 * Math.PI * TONE_HZ * (number * TONE_SAMPLES + k)) / SAMPLE_RATE)),
  );
  return new Uint8Array(samples.buffer);
}

if (import.meta.main) {
  const [url, settings] = process.argv.slice(2);
  await encode(url!, encoderSettings[settings as keyof typeof encoderSettings]);
}
