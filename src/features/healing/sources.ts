/**
 * The sources that may have media for the gaps of a stream, in the order in which they are asked: its own
 * address, its backup, then its further ones.
 * In: a stream, the settings. Out: HealingSources.
 */
import { createHash } from 'node:crypto';
import { isRtspUrl, parseRtspUrl } from '@oxbow/wire/rtsp/rtsp-url';
import type { Config, PullSourceConfig } from '../../config/schema.ts';
import { measureLevels } from '../../ffmpeg/engine.ts';
import { isOnvifUrl, parseOnvifUrl } from '../../ingest/onvif/onvif-url.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Net } from '../../net/net.ts';
import type { Log } from '../../observe/log.ts';
import type { TextSeal } from '../../store/sealed/text-seal.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import { withDefaults } from '../../streams/source/source-settings.ts';
import { createHlsSource, type HlsSourceOptions } from './hls-source.ts';
import type { HealingSource } from './source.ts';
import { openOnvifSource, openRtspSource } from './sources/replay-source.ts';
import { createSecondSource } from './sources/second-source.ts';

/** What sources are made with. */
export interface SourcesDeps {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: () => Config;
}

/** Most by which the clock of a camera is wrong after the difference that it says itself, ms. */
const MAX_CAMERA_SHIFT_MS = 30_000;

const isHttp = (url: string) => /^https?:\/\//i.test(url);

/** @param further addresses of further sources of the stream, with their secrets */
export function sourcesOf(
  { net, clock, log, config }: SourcesDeps,
  stream: Pick<ManagedStream, 'definition' | 'status'>,
  further: readonly string[],
): readonly HealingSource[] {
  const { source, locked } = stream.definition;
  const common = { net, clock, log, trusted: true };
  const sources: HealingSource[] = [];
  // What another key has sealed is an address without its password.
  if (source.type === 'pull' && locked?.source === undefined) {
    const pull: PullSourceConfig = withDefaults(source, config());
    const { quality, headers, userAgent } = pull;
    const request = { ...common, quality, headers, userAgent };
    // A source that is no playlist lists no past.
    const { facts } = stream.status;
    const isList = isHttp(pull.url) && (facts === undefined || facts.protocol === 'hls');
    if (isList) sources.push(createHlsSource({ ...request, name: 'source', url: pull.url }));
    if (pull.backup !== undefined && isHttp(pull.backup))
      sources.push(createSecondSource({ ...request, measureLevels, name: 'backup', url: pull.backup }));
  }
  return [...sources, ...further.flatMap((url) => furtherSource(common, url) ?? [])];
}

/** Hash of the addresses that a stream's gaps are filled from; that of the stream is one of them. */
export function sumOfSources(
  source: StreamDefinition['source'],
  further: readonly string[],
  seal: TextSeal | undefined,
): string {
  const own = source.type === 'pull' ? [source.url, source.backup ?? ''] : [];
  const text = JSON.stringify([own, further]);
  // With a key, so that an address cannot be found by trying.
  return (seal?.mark(text) ?? createHash('sha256').update(text).digest('hex')).slice(0, 16);
}

/** Opens a source by its address; undefined for another kind. */
function furtherSource(common: Omit<HlsSourceOptions, 'name' | 'url'>, url: string): HealingSource | undefined {
  const name = nameOf(url);
  const storage = { ...common, name, measureLevels, maxShiftMs: MAX_CAMERA_SHIFT_MS };
  if (isHttp(url)) return createSecondSource({ ...common, measureLevels, name, url });
  if (isRtspUrl(url)) return openRtspSource(parseRtspUrl(url), storage);
  return isOnvifUrl(url) ? openOnvifSource(parseOnvifUrl(url), storage) : undefined;
}

/** The host of an address: viewers see no more of it. */
function nameOf(url: string): string {
  return (URL.parse(url)?.host ?? 'backup').slice(0, 40);
}
