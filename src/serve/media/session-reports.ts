/**
 * Takes the reports of players about their sessions, by which viewers are counted whose requests a cache
 * answers.
 * In: POST /live/{stream}/session, with CMCD in the query or in the body. Out: viewers. CTA-5004-B;
 * docs/9-run/https-and-proxies.md.
 */
import type { MediaTarget } from '../../api/media-address.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import type { ReportText } from '../../delivery/player-report.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { CountryOf } from '../client/client-country.ts';
import { isOptedOut, readReport, type SessionReport } from '../client/cmcd.ts';
import { isLocalRequest } from '../client/local-request.ts';
import { viewerKey } from '../client/viewer-key.ts';
import type { ServeDeps } from '../deps.ts';
import type { Exchange, HeadFields } from '../exchange/exchange.ts';
import type { WatchAccess } from './watch-access.ts';

/** A player may collect reports and send several at once, one on each line. */
const MAX_BODY_BYTES = 16 * 1024;
const MAX_LINES = 100;

const METHODS = 'POST, OPTIONS';

/** The receiver of reports. */
interface SessionReportsOptions {
  readonly deps: Pick<ServeDeps, 'viewers' | 'streams' | 'limits'>;
  readonly watchAccess: WatchAccess;
  /** IP address of the client. */
  readonly addressOf: (exchange: Exchange) => string;
  readonly countryOf: CountryOf;
}

/** Takes reports. */
export interface SessionReports {
  /**
   * Answers a request.
   *
   * @param fields of the answer, in addition to its own
   * @throws OxbowError `method-not-allowed`, `too-many-requests`, `stream-unknown`, `bad-request`,
   *   `payload-too-large`; those of WatchAccess
   */
  answer(exchange: Exchange, target: MediaTarget, fields: HeadFields): Promise<void>;
}

/** Creates the receiver of reports. */
export function createSessionReports({
  deps,
  watchAccess,
  addressOf,
  countryOf,
}: SessionReportsOptions): SessionReports {
  const { viewers, streams, limits } = deps;

  async function take(exchange: Exchange, target: MediaTarget): Promise<void> {
    const { headers } = exchange;
    const address = addressOf(exchange);
    limits.take('reports', { address, isLocal: isLocalRequest(exchange) });
    const controller = new AbortController();
    exchange.body.once('close', () => controller.abort());
    await watchAccess.check(target, exchange, controller);
    const { stream = '' } = target.address;
    if (streams.revision(stream) === undefined) throw streamUnknown(stream);
    const reports = await readReports(exchange, target);
    if (reports.length === 0) {
      throw new OxbowError('bad-request', 'There is no CMCD with a session id (`sid`) in the query or the body.');
    }
    const country = countryOf(exchange);
    const sender = { address, country, host: headers.host ?? '', isOptedOut: isOptedOut(headers) };
    for (const { cmcd, report } of reports) {
      const text: ReportText = { cmcd, ...sender };
      viewers.reported(stream, viewerKey(report.session, address, headers['user-agent']), { ...report, text });
    }
  }

  return {
    async answer(exchange, target, fields) {
      const { method } = exchange;
      if (method === 'OPTIONS') {
        exchange.head(204, {
          ...fields,
          'access-control-allow-methods': METHODS,
          'access-control-allow-headers': 'Authorization, Content-Type',
          'access-control-max-age': '86400',
          allow: METHODS,
        });
        exchange.body.end();
        return;
      }
      if (method !== 'POST') {
        throw new OxbowError('method-not-allowed', `Players report their sessions with POST, not ${method}.`, {
          extra: { allow: METHODS },
        });
      }
      try {
        await take(exchange, target);
      } catch (error) {
        if (hasBody(exchange)) exchange.refuseBody();
        throw error;
      }
      exchange.head(204, { ...fields, 'cache-control': 'no-store' });
      exchange.body.end();
    },
  };
}

function hasBody({ headers }: Exchange): boolean {
  return (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined;
}

/** A report as it came, and what it says of a viewer. */
interface ReadReport {
  readonly cmcd: string;
  readonly report: SessionReport;
}

async function readReports(exchange: Exchange, { query }: MediaTarget): Promise<ReadReport[]> {
  const inQuery = new URLSearchParams(query).get('CMCD');
  const lines = inQuery === null ? (await exchange.text(MAX_BODY_BYTES)).split(/\r?\n/, MAX_LINES) : [inQuery];
  return lines.flatMap((cmcd) => {
    const report = readReport(cmcd);
    return report ? { cmcd, report } : [];
  });
}
