/**
 * Opens the guarded HTTP client for outgoing requests.
 * In: the context. Out: Net; metrics and traces of its requests.
 */
import type { AppContext } from '../features/core.ts';
import { messageOf } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import { createNet, type Fetched, type Net, portOf, shownUrl } from '../net/net.ts';
import { redact } from '../observe/redact.ts';
import { noTelemetry } from '../observe/traces/telemetry.ts';

/** Opens the client of sources and webhooks. */
export function openNet({ config, opened, metrics, telemetry }: AppContext): Net {
  const onFetched = ({ seconds, url, status, error, request: { traceparent, about } }: Fetched) => {
    if (status !== undefined) metrics.sourceFetchSeconds.observe(seconds);
    if (telemetry === noTelemetry) return;
    telemetry.ended({
      kind: 'fetch',
      name: 'GET',
      tookMs: seconds * 1000,
      traceparent,
      attributes: {
        'http.request.method': 'GET',
        'http.response.status_code': status,
        'url.full': shownUrl(url),
        'server.address': url.hostname,
        'server.port': portOf(url),
        'oxbow.stream': about?.stream,
        'error.type': status === undefined ? 'unreachable' : status >= 400 ? String(status) : undefined,
      },
      // A fetch of a source is no part of its session, which may last for months.
      links: [about?.session()],
      error: status === undefined ? redact(messageOf(error)) : status >= 400 ? `status ${status}` : undefined,
    });
  };
  return opened.use(createNet({ allow: config.net.allow, userAgent: `oxbow/${version}`, onFetched }));
}
