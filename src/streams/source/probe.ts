/**
 * Probes an address: protocol, container, tracks, rates.
 * In: an address. Out: ProbeView for `oxbow probe`, POST /api/v1/probe and the record page.
 */
import { namesOf } from '@oxbow/media/left-out';
import type { ProbeView } from '../../api/probe.ts';
import type { TrackView } from '../../api/shapes.ts';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { Config, PullSourceConfig } from '../../config/schema.ts';
import { withDeadline } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError, sentenceOf } from '../../lib/errors.ts';
import type { Pace } from '../../live/input.ts';
import type { Net } from '../../net/net.ts';
import { createSilentLog } from '../../observe/log.ts';
import { trackViewOf } from '../views.ts';
import { ProbeInput } from './probe-input.ts';
import { pictureOf } from './probe-picture.ts';
import { runPull } from './pull.ts';

/** The dependencies of a probe. */
export interface ProbeDeps {
  readonly net: Net;
  readonly clock: Clock;
  readonly config: Pick<Config, 'pages' | 'pull' | 'probe' | 'srtLatency' | 'live'>;
}

/** The address and options of a probe. */
export interface ProbeOptions {
  readonly url: string;
  /** `best`, `worst`, `720p`, `2M`; default: `pull.quality`. */
  readonly quality?: string | undefined;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  /** Whether to return a picture: the one of the page, otherwise one of the media. */
  readonly picture: boolean;
}

/**
 * Reads a source until there is enough media. Abort rejects at once.
 *
 * @throws OxbowError `source-failed` without media in time, `unsupported-media` if all tracks are left out;
 *   what `runPull` throws
 */
export async function probeAddress(
  options: ProbeOptions,
  deps: ProbeDeps,
  { signal }: { signal: AbortSignal },
): Promise<ProbeView> {
  const { clock, config, net } = deps;
  const { depth, timeout } = config.probe;
  const enough = new AbortController();
  using late = withDeadline(timeout, 'the probe of the source', { signal });
  const input = new ProbeInput(depth / 1000, () =>
    enough.abort(new DOMException('the probe has enough media', 'AbortError')),
  );
  const endSignal = AbortSignal.any([late.signal, enough.signal]);
  let facts: SourceFacts | undefined;
  // Media that is there already, so that the probe need not wait for more.
  const source: PullSourceConfig = {
    type: 'pull',
    url: options.url,
    headers: {},
    fromMs: 2 * depth,
    ...(options.quality !== undefined && { quality: options.quality }),
  };
  try {
    await runPull(
      { net, clock, config, log: createSilentLog(), mpeg2: true },
      { source, trusted: options.trusted, input, onFacts: (update) => (facts = update) },
      { signal: endSignal },
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!endSignal.aborted) throw error;
  }
  const { start, missing } = input;
  if (!start) {
    const host = URL.parse(options.url.trim())?.host ?? 'the address';
    if (facts?.leftOut && input.isUnreadable)
      throw new OxbowError('unsupported-media', `oxbow cannot take ${namesOf(facts.leftOut)}.`);
    const why = missing ?? `no media came within ${timeout / 1000} s`;
    throw new OxbowError('source-failed', sentenceOf(why.includes(host) ? why : `${host}: ${why}`));
  }
  const sourceFacts = facts ?? { protocol: 'hls', container: '', title: '', live: true, qualities: [] };
  const picture = options.picture ? await pictureOf(sourceFacts.thumbnail, input.keyFrame, net, { signal }) : undefined;
  return {
    ...sourceFacts,
    pace: describePace(start.pace),
    tracks: start.tracks.map((track) => withRate(trackViewOf(track), input.rates?.frameRate)),
    media: input.rates ?? null,
    ...(picture !== undefined && { picture }),
  };
}

/** Fragmented MP4 does not declare its frame rate: then the measured one is used. */
function withRate(view: TrackView, measured: number | null | undefined): TrackView {
  return view.kind === 'video' && view.frameRate === undefined && measured ? { ...view, frameRate: measured } : view;
}

function describePace(pace: Pace): string {
  return pace.kind === 'bursty' ? `bursts of about ${pace.intervalS.toFixed(1)} s` : 'continuous';
}
