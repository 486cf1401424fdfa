/**
 * Finds the answers of an edge for the hot responder: copies in memory at once, otherwise the flight that
 * brings one.
 * In: targets of requests. Out: responses to write, pending replies; undefined if the slow path must answer.
 * docs/decisions/0012 and 0051.
 */
import { type Cmcd, readCmcd } from '../serve/client/cmcd.ts';
import type { Found, ResponseFinder } from '../serve/hot/connection.ts';
import { rawResponseOf } from '../serve/hot/raw-response.ts';
import type { ClientHeaders } from '../serve/hot/request-head.ts';
import type { HotClient } from '../serve/hot/response-cache.ts';
import type { EdgeCache } from './cache/edge-cache.ts';
import type { Flight } from './cache/flight.ts';
import type { EdgeCounts } from './edge-counts.ts';
import { edgeTargetOf } from './edge-target.ts';
import { isLoop } from './origin.ts';
import { isRefusal } from './refusal.ts';

/** Dependencies of the finder. */
export interface EdgeFinderDeps {
  readonly cache: EdgeCache;
  readonly counts: EdgeCounts;
  /** Of this edge, in `Via`. */
  readonly name: string;
  /** Fields of every answer. */
  readonly head: Readonly<Record<string, string>>;
  /** Called with a bug. */
  failed(error: unknown, where: string): void;
}

/** The result for a target. */
export interface EdgeFound extends Found {
  /** Of a pending result. */
  readonly flight?: Flight;
}

/** The facts in a header block that the cache needs. */
interface ClientFacts {
  readonly via: string | undefined;
  /** The slow path decides: credentials, a loop. */
  readonly isSpecial: boolean;
}

export interface EdgeFinder extends ResponseFinder<EdgeFound> {
  /** Counts an answer. @param cmcd of the header fields */
  served(bodyBytes: number, target: string, cmcd: Cmcd | undefined): void;
}

export function createEdgeFinder({ cache, counts, head, ...deps }: EdgeFinderDeps): EdgeFinder {
  const facts = new WeakMap<object, ClientFacts>();

  /** Clients send the same header block again and again. */
  function factsOf(client: HotClient): ClientFacts {
    const headers = client.clientHeaders as ClientHeaders;
    const cachedFacts = facts.get(headers);
    if (cachedFacts) return cachedFacts;
    const { rawHeaders } = headers;
    const values = new Map<string, string>();
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) values.set(rawHeaders[i]!.toLowerCase(), rawHeaders[i + 1]!);
    const via = values.get('via');
    const made = { via, isSpecial: values.has('authorization') || isLoop({ via }, deps.name) };
    facts.set(headers, made);
    return made;
  }

  function find(text: string, takesGzip: boolean, client: HotClient): EdgeFound | undefined {
    const target = edgeTargetOf(text);
    if (!target) return undefined;
    const { via, isSpecial } = factsOf(client);
    if (isSpecial) return undefined;
    try {
      const finding = cache.find(target, { address: client.clientAddress, country: client.clientCountry, via });
      if ('flight' in finding) return { flight: finding.flight, result: finding.flight.pending(finding.hasToken) };
      if (finding.copy.reply.signsAt) return undefined;
      const bornS = Math.floor(finding.copy.freshness.bornMs / 1000);
      const sharing = finding.isPrivate ? 'some' : 'all';
      const result = rawResponseOf(finding.copy.reply, head, { takesGzip, sharing, bornS });
      return result && { result };
    } catch (error) {
      // The slow path meets the same refusal and sends it.
      if (!isRefusal(error)) deps.failed(error, `GET ${target.key}`);
      return undefined;
    }
  }

  return {
    find,
    rawResponseOf(reply, { flight }, takesGzip) {
      const outcome = flight?.outcome;
      if (reply.grows || reply.signsAt || !outcome || !('reply' in outcome)) return undefined;
      const bornS = Math.floor(outcome.bornMs / 1000);
      return rawResponseOf(reply, head, { takesGzip, sharing: outcome.isPrivate ? 'some' : 'all', bornS });
    },
    served(bodyBytes, target, ofHeaders) {
      counts.servedBytes += bodyBytes;
      const mark = target.indexOf('CMCD=');
      const cmcd = mark < 0 ? ofHeaders : (readCmcd(target.slice(mark), {}) ?? ofHeaders);
      if (cmcd) counts.cmcd++;
      if (cmcd?.isStarved) counts.starved++;
    },
  };
}
