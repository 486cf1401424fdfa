/**
 * Reports publishers that are refused before they have a session: no key, a wrong key, an unknown stream.
 * In: requests and errors. Out: `publish.refused` on the event bus, metrics, the log. Anyone may connect, so
 * an address has a few reports a minute, and all addresses together have a limit; the metric counts each
 * refusal.
 */
import type { RateLimits } from '../../accounts/rate-limit.ts';
import { isStreamName } from '../../api/stream/stream-name.ts';
import { addressOf } from '../../ingest/client/remote-address.ts';
import type { PublishRequest } from '../../ingest/publish-access.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Catalog } from '../catalog.ts';
import { reportRefused } from '../publish-events.ts';
import type { StreamDeps } from '../stream-deps.ts';

/** Dependencies of the reporter. */
interface RefusalDeps extends Pick<StreamDeps, 'events' | 'metrics' | 'log'> {
  readonly catalog: Catalog;
  readonly limits: RateLimits;
}

/** Reports refused publishers. */
export class RefusalReporter {
  readonly #deps: RefusalDeps;

  constructor(deps: RefusalDeps) {
    this.#deps = deps;
  }

  /** Reports one refusal. */
  report(request: PublishRequest, error: OxbowError): void {
    const { catalog } = this.#deps;
    const name = request.name !== undefined && isStreamName(request.name) ? request.name : undefined;
    const definition = name === undefined ? undefined : catalog.find(name)?.definition;
    reportRefused(this.#deps, { request, error, definition, name, isQuiet: !this.#mayReport(request.remote) });
  }

  #mayReport(remote: string): boolean {
    const { limits } = this.#deps;
    try {
      limits.take('refusals', { address: addressOf(remote), isLocal: false });
      limits.take('all-refusals', { address: 'all', isLocal: false });
      return true;
    } catch (error) {
      if (error instanceof OxbowError) return false;
      throw error;
    }
  }
}
