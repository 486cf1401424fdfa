/**
 * Purges the edges in front of this server of deleted media, one after the other: each requests from the
 * one before it.
 * In: the section `edges`, names of streams, ids of assets and clips. Out: requests to /edge/purge.
 * docs/9-run/edge.md.
 */
import type { Current } from '../../lib/current.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Net } from '../../net/net.ts';

/** Longest wait for an edge, ms: it answers when its files are gone. */
const WITHIN_MS = 10_000;
const MAX_ANSWER_BYTES = 16 * 1024;

/** The deleted media. */
export interface Purged {
  /** Name of the stream; undefined: none. */
  readonly stream: string | undefined;
  /** Ids. */
  readonly assets: readonly string[];
  readonly clips: readonly string[];
}

/** Its dependencies. */
interface EdgePurgesOptions {
  readonly settings: Current<{
    readonly edges: { readonly urls: readonly string[]; readonly token: string | undefined };
  }>;
  readonly net: Pick<Net, 'fetch'>;
}

export class EdgePurges {
  readonly #options: EdgePurgesOptions;

  constructor(options: EdgePurgesOptions) {
    this.#options = options;
  }

  /** Addresses of all edges, the one next to this server first. */
  get urls(): readonly string[] {
    return this.#options.settings.now.edges.urls;
  }

  /**
   * Purges one edge.
   *
   * @returns why it was not purged; undefined: it was
   */
  async purge(url: string, { stream, assets, clips }: Purged, signal: AbortSignal): Promise<string | undefined> {
    const { token } = this.#options.settings.now.edges;
    if (!this.urls.includes(url)) return 'it is not in edges.urls';
    if (token === undefined) return 'edges.token is not set';
    const bodies = [
      ...(stream === undefined ? [] : [{ stream }]),
      ...assets.map((asset) => ({ asset })),
      ...clips.map((clip) => ({ prefix: `/c/${clip}/` })),
    ];
    try {
      for (const body of bodies) await this.#send(url, body, token, signal);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      return messageOf(error);
    }
  }

  async #send(url: string, body: object, token: string, signal: AbortSignal): Promise<void> {
    const target = new URL('edge/purge', url.endsWith('/') ? url : `${url}/`);
    using answer = await this.#options.net.fetch(target, {
      signal,
      post: Buffer.from(JSON.stringify(body)),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      maxBytes: MAX_ANSWER_BYTES,
      deadlineMs: WITHIN_MS,
      idleMs: WITHIN_MS,
      trusted: new URL(url),
    });
    if (answer.status !== 200) throw new Error(`the edge answers ${answer.status}`);
    await answer.body();
  }
}
