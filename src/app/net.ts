/**
 * Opens the guarded HTTP client for outgoing requests.
 * In: the context. Out: Net; metrics and traces of its requests.
 */
import { version } from '../lib/version.ts';
import { createNet, type Net } from '../net/net.ts';
import type { AppContext } from './parts.ts';

/** Opens the client of sources and webhooks. */
export function openNet({ config, opened, metrics, telemetry }: AppContext): Net {
  const onReply = (seconds: number, host: string, status: number, traceparent: string | undefined) => {
    metrics.sourceFetchSeconds.observe(seconds);
    telemetry.ended({
      kind: 'fetch',
      name: 'GET',
      tookMs: seconds * 1000,
      traceparent,
      attributes: { 'server.address': host, 'http.response.status_code': status },
    });
  };
  return opened.use(createNet({ allow: config.net.allow, userAgent: `oxbow/${version}`, onReply }));
}
