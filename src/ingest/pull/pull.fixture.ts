/**
 * A pull against a scripted origin; for tests.
 * In: media made by ffmpeg, once per process. Out: a running pull with all that it told.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HlsSpec, makeHls, type Origin, openOrigin } from '../../../test/fixtures/origin.ts';
import { createSystemClock } from '../../lib/clock.ts';
import { createNet } from '../../net/net.ts';
import { type HlsPullOptions, runHlsPull } from './hls.ts';
import type { PullCounters } from './pull-log.ts';
import { RecordingInput } from './run/recording-input.fixture.ts';

/** Frames per second of the made media. */
export const FPS = 25;
/** The clock of all pulls. */
export const clock = createSystemClock();
let media: Promise<string> = Promise.reject(new Error('makeMedia comes first'));
media.catch(() => {});

/** Makes HLS in a new folder, each spec in the folder of its name. */
export async function makeMedia(specs: Readonly<Record<string, Omit<HlsSpec, 'folder'>>>): Promise<string> {
  media = mkdtemp(join(tmpdir(), 'oxbow-pull-'));
  const folder = await media;
  for (const [name, spec] of Object.entries(specs)) await makeHls({ ...spec, folder: join(folder, name), fps: FPS });
  return folder;
}

/** Takes the made media away. */
export async function removeMedia(): Promise<void> {
  await rm(await media, { recursive: true, force: true });
}

/** A pull under way; dispose it to stop it and its origin. */
export interface Pull extends AsyncDisposable {
  readonly origin: Origin;
  readonly input: RecordingInput;
  readonly counts: Record<keyof PullCounters, number>;
  /** Settles when the pull does. */
  readonly done: Promise<void>;
  stop(reason?: Error): void;
}

/**
 * Starts a pull of `path` from an origin that serves the made media.
 *
 * @param prepare called before the pull begins
 */
export async function pull(
  path: string,
  options: Partial<HlsPullOptions> = {},
  prepare?: (origin: Origin) => void | Promise<void>,
): Promise<Pull> {
  const origin = await openOrigin({ folder: await media });
  await prepare?.(origin);
  const net = createNet({ allow: [] });
  const input = new RecordingInput();
  const counts = { segments: 0, retries: 0, skipped: 0, duplicates: 0, resets: 0, dateJumps: 0 };
  const counters: PullCounters = {
    segments: () => void counts.segments++,
    retries: () => void counts.retries++,
    skipped: (count) => {
      counts.skipped += count;
    },
    duplicates: () => void counts.duplicates++,
    resets: () => void counts.resets++,
    dateJumps: () => void counts.dateJumps++,
  };
  const controller = new AbortController();
  const log = { info() {}, warn() {} };
  const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(120_000)]);
  const done = runHlsPull({ url: origin.url + path, input, net, clock, log, counters, ...options }, { signal });
  done.catch(() => {});
  return {
    origin,
    input,
    counts,
    done,
    stop: (reason) => controller.abort(reason),
    async [Symbol.asyncDispose]() {
      controller.abort(new Error('the test is over'));
      await done.catch(() => {});
      await net.close();
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** A Media Playlist to be written. */
export interface ListSpec {
  /** Lines of each segment, its URI last; `EXTINF:1` is put before the URI. */
  readonly segments: readonly string[];
  readonly first?: number;
  readonly end?: boolean;
  readonly head?: string;
}

/** A list of segments of 1 s. */
export function listOf({ segments, first = 0, end = false, head = '' }: ListSpec): string {
  const body = segments.map((lines) => {
    const parts = lines.split('\n');
    const uri = parts.pop();
    return [...parts, '#EXTINF:1.000,', uri].join('\n');
  });
  return `#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${first}\n${head}${body.join('\n')}\n${end ? '#EXT-X-ENDLIST\n' : ''}`;
}

/** URIs of the TS segments of these numbers. */
export const ts = (...numbers: number[]) => numbers.map((n) => `ts/seg${n}.ts`);
/** Names of the segments that were asked for, in order. */
export const asked = (origin: Origin, extension = '.ts') =>
  origin.requests.flatMap((path) => (path.endsWith(extension) ? path.slice(path.lastIndexOf('/') + 1) : []));
