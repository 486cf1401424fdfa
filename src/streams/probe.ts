/**
 * What a URL or a file is: container, protocol, tracks, how fast and how far back.
 * In: an address or a path that a person typed. Out: what `oxbow probe`, POST /api/v1/probe and the record page show.
 */
import { open } from 'node:fs/promises';
import type { ProbeView } from '../api/probe.ts';
import type { TrackView } from '../api/shapes.ts';
import type { SourceFacts } from '../api/source-facts.ts';
import type { Config, PullSourceConfig } from '../config/schema.ts';
import { type Probe, type ProbedStream, probeBytes } from '../ffmpeg/engine.ts';
import { withDeadline } from '../lib/abort.ts';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Pace } from '../live/input.ts';
import type { Net } from '../net/net.ts';
import { createSilentLog } from '../observe/log.ts';
import { ProbeInput } from './probe-input.ts';
import { pictureOf } from './probe-picture.ts';
import { runPull } from './pull.ts';
import { trackViewOf } from './views.ts';

/** As much of a file as FFmpeg is shown. */
const FILE_PREFIX_BYTES = 8 * 1024 * 1024;

/** What a look works with. */
export interface ProbeTools {
  readonly net: Net;
  readonly clock: Clock;
  readonly config: Pick<Config, 'pages' | 'pull' | 'probe'>;
}

/** What to look at, and how. */
export interface ProbeOrder {
  readonly url: string;
  /** `best`, `worst`, `720p`, `2M`; as `pull.quality` where it says nothing. */
  readonly quality?: string | undefined;
  /** An administrator gave the address on the command line, so its host may be private. */
  readonly trusted: boolean;
  /** Whether a picture is wanted: the page's own, else one of the media. */
  readonly picture: boolean;
}

/**
 * Looks at a source until enough of its media was seen. Abort rejects at once.
 *
 * @throws OxbowError `source-failed` when no media came in time; what `runPull` throws
 */
export async function probeAddress(
  order: ProbeOrder,
  tools: ProbeTools,
  { signal }: { signal: AbortSignal },
): Promise<ProbeView> {
  const { clock, config, net } = tools;
  const { depth, timeout } = config.probe;
  const enough = new AbortController();
  using late = withDeadline(timeout, 'the look at the source', { signal });
  const input = new ProbeInput(depth / 1000, () => enough.abort(new DOMException('enough was seen', 'AbortError')));
  const all = AbortSignal.any([late.signal, enough.signal]);
  let facts: SourceFacts | undefined;
  // Looking back would tell of the past what is asked of now.
  const source: PullSourceConfig = {
    type: 'pull',
    url: order.url,
    headers: {},
    fromMs: 0,
    ...(order.quality !== undefined && { quality: order.quality }),
  };
  try {
    await runPull(
      { net, clock, config, log: createSilentLog() },
      { source, trusted: order.trusted, input, onFacts: (told) => (facts = told) },
      { signal: all },
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!all.aborted) throw error;
  }
  const { start, missing } = input;
  if (!start) {
    const { host } = new URL(order.url.trim());
    const why = missing ?? `no media came within ${timeout / 1000} s`;
    throw new OxbowError('source-failed', why.includes(host) ? why : `${host}: ${why}`);
  }
  const told = facts ?? { protocol: 'hls', container: '', title: '', live: true, qualities: [] };
  const picture = order.picture ? await pictureOf(told.thumbnail, input.keyFrame, net, { signal }) : undefined;
  return {
    ...told,
    pace: describePace(start.pace),
    tracks: start.tracks.map(trackViewOf),
    media: input.rates ?? null,
    ...(picture !== undefined && { picture }),
  };
}

function describePace(pace: Pace): string {
  return pace.kind === 'bursty' ? `bursts of about ${pace.intervalS.toFixed(1)} s` : 'continuous';
}

/**
 * Looks at the beginning of a file. Abort rejects at once.
 *
 * @throws OxbowError `engine-failed` when FFmpeg does not know it; what the disk says of the path
 */
export async function probeFile(path: string, { signal }: { signal: AbortSignal }): Promise<ProbeView> {
  await using file = await open(path, 'r');
  const prefix = new Uint8Array(FILE_PREFIX_BYTES);
  const { bytesRead } = await file.read(prefix, 0, prefix.length, 0);
  return viewOfFile(await probeBytes(prefix.subarray(0, bytesRead), { signal }));
}

function viewOfFile({ container, durationS, bitRate, streams }: Probe): ProbeView {
  const frameRate = streams.find(({ kind }) => kind === 'video')?.frameRate || null;
  return {
    protocol: 'file',
    container,
    title: '',
    live: false,
    ...(durationS > 0 && { durationS }),
    qualities: [],
    tracks: streams.flatMap(viewOfProbed),
    media: bitRate > 0 ? { bitrate: Math.round(bitRate), frameRate, gopS: null } : null,
  };
}

function viewOfProbed(stream: ProbedStream, index: number): TrackView[] {
  const { kind, codec, codecs, language } = stream;
  if (kind !== 'video' && kind !== 'audio') return [];
  const { width, height, frameRate, sampleRate, channels } = stream;
  return [
    {
      id: index + 1,
      kind,
      codecs: codecs || codec,
      language,
      ...(width !== undefined && { width }),
      ...(height !== undefined && { height }),
      ...(frameRate && { frameRate }),
      ...(sampleRate !== undefined && { sampleRate }),
      ...(channels !== undefined && { channels }),
    },
  ];
}
