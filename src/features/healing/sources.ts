/**
 * The sources that may have media for the gaps of a stream, in the order in which they are asked: its own
 * address, its backup, then its further ones.
 * In: a stream, the settings. Out: HealingSources.
 */
import type { Config, PullSourceConfig } from '../../config/schema.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Net } from '../../net/net.ts';
import type { Log } from '../../observe/log.ts';
import type { ManagedStream } from '../../streams/managed-stream.ts';
import { withDefaults } from '../../streams/source/source-settings.ts';
import { createHlsSource } from './hls-source.ts';
import type { HealingSource } from './source.ts';

/** What sources are made with. */
export interface SourcesDeps {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: () => Config;
}

const isHttp = (url: string) => /^https?:\/\//i.test(url);

/** @param further addresses of further sources of the stream, with their secrets */
export function sourcesOf(
  { net, clock, log, config }: SourcesDeps,
  stream: Pick<ManagedStream, 'definition' | 'status'>,
  further: readonly string[],
): readonly HealingSource[] {
  const { source } = stream.definition;
  const common = { net, clock, log, trusted: true };
  const sources: HealingSource[] = [];
  if (source.type === 'pull') {
    const pull: PullSourceConfig = withDefaults(source, config());
    const { quality, headers, userAgent } = pull;
    const request = { ...common, quality, headers, userAgent };
    // A source that is no playlist lists no past.
    const { facts } = stream.status;
    const isList = isHttp(pull.url) && (facts === undefined || facts.protocol === 'hls');
    if (isList) sources.push(createHlsSource({ ...request, name: 'source', url: pull.url }));
    if (pull.backup !== undefined && isHttp(pull.backup))
      sources.push(createHlsSource({ ...request, name: 'backup', url: pull.backup }));
  }
  for (const url of further) {
    if (isHttp(url)) sources.push(createHlsSource({ ...common, name: nameOf(url), url }));
  }
  return sources;
}

/** The host of an address: viewers see no more of it. */
function nameOf(url: string): string {
  return (URL.parse(url)?.host ?? 'backup').slice(0, 40);
}
