/**
 * Reads the source of a stream with the right ingest, again after failures.
 * In: a definition. Out: calls on the publisher session until the source ends or is aborted.
 */

import { FormatError } from '@oxbow/media/errors';
import type { SourceFacts } from '../../api/source-facts.ts';
import type { PullSourceConfig } from '../../config/schema.ts';
import type { OpenTranscoder } from '../../ffmpeg/audio-transcoder.ts';
import { noCounters, type PullCounters } from '../../ingest/pull/pull-log.ts';
import type { StreamQualityInputs } from '../../ingest/pull/rendition/further-qualities.ts';
import { runTestSource } from '../../ingest/test/test-source.ts';
import type { UdpCounters } from '../../ingest/udp/udp-source.ts';
import { sleep } from '../../lib/abort.ts';
import { OxbowError, reasonOf } from '../../lib/errors.ts';
import type { StreamInput } from '../../live/input.ts';
import type { Net } from '../../net/net.ts';
import type { Log } from '../../observe/log.ts';
import { SegmentAudio } from '../../transcode/audio/segment-audio.ts';
import type { OpenLiveEncoder } from '../../transcode/live/live-ladder-shapes.ts';
import { ConversionReport } from '../../transcode/stage/conversion-report.ts';
import { SegmentVideo } from '../../transcode/video/segment-video.ts';
import { sourceFields } from '../definition.ts';
import type { ClientDefinition, StreamDeps } from '../stream-deps.ts';
import { INTERNAL_ERROR, reportStreamBug } from '../stream-reports.ts';
import { type Channels, noChannels } from './channel-source.ts';
import { runPull } from './pull.ts';
import { isDown, SourceBackoff } from './source-backoff.ts';
import { audioModeOf } from './source-settings.ts';

/** The dependencies of sources. */
interface SourceDeps extends Pick<StreamDeps, 'clock' | 'settings' | 'log' | 'metrics'> {
  readonly net: Net;
  /**
   * Wait without limit for a live source that ended its playlist to return. Default false: the source ends.
   */
  readonly awaitReturn?: boolean;
  /** Plays channels; absent: there are none. */
  readonly channels?: Pick<Channels, 'run'>;
  /** Starts processes that convert audio of segments; absent: audio is published as it comes. */
  readonly openAudioTranscoder?: OpenTranscoder;
  /** Starts processes that convert MPEG-2 video of segments; absent: it is left out. */
  readonly openVideoEncoder?: OpenLiveEncoder;
}

/** Options of reading a source. */
interface SourceOptions {
  readonly signal: AbortSignal;
  readonly onFacts?: ((facts: SourceFacts) => void) | undefined;
  /** Called with the error of each failed attempt. */
  readonly onFailure?: (error: unknown) => void;
  /** The source was live before; see `RunPullOptions`. */
  readonly wasLive?: boolean;
  /** The derived qualities of the stream, for the further variants of a source. */
  readonly qualities?: StreamQualityInputs | undefined;
}

/**
 * Reads a source. Resolves with the reason in words when it has ended or was aborted.
 */
export function runSource(
  deps: SourceDeps,
  definition: ClientDefinition,
  input: StreamInput,
  options: SourceOptions,
): Promise<string> {
  const { name, source } = definition;
  const reader: SourceReader = { deps, name, input, log: deps.log.child(sourceFields(definition)) };
  if (source.type === 'test') return readTestPicture(reader, options);
  if (source.type === 'channel') return playChannel(reader, definition, options);
  return readPull(reader, source, options);
}

interface SourceReader {
  readonly deps: SourceDeps;
  readonly name: string;
  readonly input: StreamInput;
  readonly log: Log;
}

async function readTestPicture(
  { deps: { settings, clock }, name, input, log }: SourceReader,
  { signal, onFacts }: SourceOptions,
): Promise<string> {
  const { width, height, fps, keyInterval, videoBitrate } = settings.now.testPicture;
  const picture = {
    width,
    height,
    frameRate: { num: fps, den: 1 },
    keyframeIntervalS: Math.max(1, Math.round(keyInterval / 1000)),
    videoBitRate: videoBitrate,
  };
  onFacts?.({ protocol: 'test', container: '', title: name, live: true, qualities: [] });
  await runTestSource({ name, picture, input, clock, log }, { signal });
  return 'the test picture ended';
}

async function playChannel(
  { deps: { channels = noChannels }, name, input }: SourceReader,
  { id }: Pick<ClientDefinition, 'id'>,
  { signal, onFacts }: SourceOptions,
): Promise<string> {
  onFacts?.({ protocol: 'channel', container: '', title: name, live: true, qualities: [] });
  return await channels.run(id, input, { signal });
}

/** Pulls, again after each failure. */
async function readPull(
  { deps, name, input, log }: SourceReader,
  source: PullSourceConfig,
  { signal, onFacts, onFailure, wasLive, qualities }: SourceOptions,
): Promise<string> {
  const { clock, metrics } = deps;
  const counters: PullCounters & UdpCounters = {
    ...noCounters,
    segments: () => metrics.sourceFetches.inc({ stream: name, result: 'ok' }),
    skipped: (count) => metrics.sourceFetches.inc({ stream: name, result: 'failed' }, count),
    retries: () => metrics.sourceRetries.inc({ stream: name }),
    datagrams: (count) => metrics.sourceDatagrams.inc({ stream: name, result: 'taken' }, count),
    otherSenders: (count) => metrics.sourceDatagrams.inc({ stream: name, result: 'other-sender' }, count),
  };
  let hasLived = wasLive ?? false;
  const noteFacts = (facts: SourceFacts) => {
    hasLived ||= facts.live;
    onFacts?.(facts);
  };
  const { openAudioTranscoder, openVideoEncoder } = deps;
  const named = { clock, log, metrics, name: () => name };
  await using converter =
    openAudioTranscoder &&
    new SegmentAudio({
      open: openAudioTranscoder,
      clock,
      mode: audioModeOf(source),
      report: new ConversionReport('audio', named),
    });
  await using videoConverter =
    openVideoEncoder &&
    new SegmentVideo({ open: openVideoEncoder, clock, report: new ConversionReport('video', named) });
  const backoff = new SourceBackoff();
  const onPage = backoff.onPage;
  while (!signal.aborted) {
    const endedUs = input.placement?.mediaEndUs;
    try {
      // Only administrators create streams: the address may be private.
      await runPull(
        { net: deps.net, clock, log, config: deps.settings.now, counters, converter, videoConverter },
        {
          source,
          trusted: true,
          input,
          onPage,
          qualities,
          onFacts: noteFacts,
          awaitReturn: deps.awaitReturn,
          wasLive: hasLived,
        },
        { signal },
      );
      return hasLived ? 'the source ended its playlist' : 'the source has been played to its end';
    } catch (error) {
      if (signal.aborted) break;
      onFailure?.(error);
      const isRefusal = error instanceof OxbowError || error instanceof FormatError;
      const isPage = error instanceof OxbowError && error.code.startsWith('page-');
      if (!isRefusal) {
        // A bug ends this attempt only.
        reportStreamBug({ metrics, log }, name, error, 'its source was read');
      }
      input.absent(
        isDown(error) || isPage ? 'source-down' : isRefusal ? 'bad-media' : 'internal',
        isRefusal ? reasonOf(error) : INTERNAL_ERROR,
      );
      if (input.placement?.mediaEndUs !== endedUs) backoff.onMedia();
      const pauseMs = backoff.next(error);
      metrics.sourceFailures.inc({ stream: name });
      metrics.sourcePauseSeconds.set({ stream: name }, pauseMs / 1000);
      await sleep(pauseMs, { signal }).catch(() => undefined);
      metrics.sourcePauseSeconds.set({ stream: name }, 0);
    }
  }
  return 'stopped';
}
