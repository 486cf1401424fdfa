/**
 * Passes the reports of edges on to the other nodes of a cluster, and to the other processes of a server:
 * each of them may be the one that answers players.
 * In: reports that an edge has sent here. Out: POST to every other node that is alive, once. One that does
 * not answer gets the next report, which replaces this one.
 */
import type { NodeView } from '../../cluster/placement/placement.ts';
import { REPORTS_PATH, type SignedReport } from '../../edge/steering/edge-report.ts';
import type { Net } from '../../net/net.ts';

/** In the query of a report: a node has passed it on to all. */
export const PASSED_QUERY = 'passed=true';

/** Longest wait for a node, ms; less than the pause between two reports. */
const WITHIN_MS = 2500;
const MAX_ANSWER_BYTES = 16 * 1024;
/** Reports that are under way to one node; of further ones the next counts. */
const MAX_UNDER_WAY = 16;

interface PassedReportsOptions {
  /** The other nodes; of one process alone there are none. */
  readonly others: () => readonly NodeView[];
  readonly net: Pick<Net, 'fetch'>;
  /** Ends requests. */
  readonly signal: AbortSignal;
}

export class PassedReports implements AsyncDisposable {
  readonly #options: PassedReportsOptions;
  readonly #underWay = new Map<string, Set<Promise<void>>>();

  constructor(options: PassedReportsOptions) {
    this.#options = options;
  }

  /** Passes a report on. Returns at once. */
  pass(report: SignedReport): void {
    const body = Buffer.from(JSON.stringify(report));
    for (const node of this.#options.others().filter(({ isAlive }) => isAlive)) {
      const requests = this.#underWay.get(node.name) ?? new Set();
      this.#underWay.set(node.name, requests);
      if (requests.size >= MAX_UNDER_WAY) continue;
      const request: Promise<void> = this.#send(node, body).finally(() => requests.delete(request));
      requests.add(request);
    }
  }

  /** Waits for the requests, which the signal ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#underWay.values()].flatMap((requests) => [...requests]));
  }

  /** Never rejects. */
  async #send({ url }: NodeView, post: Uint8Array): Promise<void> {
    try {
      using _ = await this.#options.net.fetch(new URL(`${REPORTS_PATH}?${PASSED_QUERY}`, url), {
        signal: this.#options.signal,
        post,
        headers: { 'content-type': 'application/json' },
        maxBytes: MAX_ANSWER_BYTES,
        deadlineMs: WITHIN_MS,
        idleMs: WITHIN_MS,
        trusted: url,
      });
    } catch {
      // Its own probes show it what matters most, and the next report comes soon.
    }
  }
}
