/**
 * An encoder with a clock in its picture, as OBS publishes: ffmpeg with x264, fed with the test picture in real time.
 * In: as its own process, the options as arguments. Out: a publisher, until it is killed. The strip of each picture has the UTC at which
 * the picture was drawn (src/ffmpeg/strip.ts).
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Picture } from '../../src/ffmpeg/child/picture.ts';

const SIZE = { width: 640, height: 360 } as const;
const FPS = 30;

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
  const child: ChildProcess = spawn(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-fflags', 'nobuffer'],
      ...[
        '-f',
        'rawvideo',
        '-pix_fmt',
        'yuv420p',
        '-video_size',
        `${SIZE.width}x${SIZE.height}`,
        '-framerate',
        `${FPS}`,
      ],
      ...['-i', 'pipe:0', '-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
      ...['-c:v', 'libx264', ...settings, '-b:v', '800k', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '128k'],
      ...['-flush_packets', '1', '-f', 'flv', url],
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  );
  process.once('SIGTERM', () => child.kill('SIGKILL'));
  process.once('disconnect', () => child.kill('SIGKILL'));
  child.once('exit', () => process.exit());
  child.stdin!.on('error', () => undefined); // the exit of ffmpeg ends this process
  const picture = new Picture(SIZE.width, SIZE.height, 'clock');
  const startMs = performance.now();
  for (let number = 0; ; number++) {
    const waitMs = startMs + (number * 1000) / FPS - performance.now();
    if (waitMs > 0) await pause(waitMs);
    picture.draw(performance.timeOrigin + performance.now(), number);
    if (!child.stdin!.write(picture.planes.slice())) await once(child.stdin!, 'drain');
  }
}

if (import.meta.main) {
  const [url, settings] = process.argv.slice(2);
  await encode(url!, encoderSettings[settings as keyof typeof encoderSettings]);
}
