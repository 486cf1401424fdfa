/**
 * Opens the guarded HTTP client for requests to the outside.
 * In: the context. Out: Net; its requests in metrics and traces.
 */
import { version } from '../lib/version.ts';
import { createNet, type Net } from '../net/net.ts';
import type { AppContext } from './parts.ts';

/** Opens the client that sources and webhooks share. */
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
