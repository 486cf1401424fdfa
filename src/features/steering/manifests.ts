/**
 * Steering Manifests: which edge a player should use, and when it asks again.
 * In: the edges of the settings and their state, requests of players. Out: JSON. The same form serves HLS
 * and DASH. RFC 8216bis 7.1; ETSI TS 103 998 6.
 */
import { printSignedPath } from '../../api/signed-path.ts';
import type { Steerer, SteeringRequest } from '../../api/steering/steering-shapes.ts';
import { DASH_QUERY, HERE, type Steering } from '../../delivery/format/pathways.ts';
import { orderEdges } from './choice.ts';
import type { EdgeStates } from './edge-states.ts';
import { Places } from './places.ts';
import type { PathwayConfig } from './settings.ts';
import { readSteeringQuery } from './steering-query.ts';

interface ManifestsOptions {
  readonly pathways: Readonly<Record<string, PathwayConfig>>;
  readonly steering: Steering;
  readonly states: Pick<EdgeStates, 'all'>;
  /** Longest time between two requests of a player, ms. */
  readonly ttlMs: () => number;
  /** Target duration of a stream, s; undefined: it is not live. */
  readonly targetDurationS: (stream: string) => number | undefined;
  /** Called with the id of the edge that a player is sent to. */
  readonly answered: (id: string) => void;
}

/** An edge and the viewers that it is for. */
interface Edge {
  readonly host: string;
  readonly weight: number;
  readonly places: Places;
}

export class Manifests implements Steerer {
  readonly #options: ManifestsOptions;
  readonly #edges: ReadonlyMap<string, Edge>;
  readonly #ids: ReadonlySet<string>;
  #turn = 0;

  constructor(options: ManifestsOptions) {
    const { pathways } = options;
    this.#options = options;
    this.#edges = new Map(
      Object.entries(pathways).map(([id, { url, weight, networks, countries }]) => [
        id,
        { host: new URL(url).host, weight, places: new Places(networks, countries) },
      ]),
    );
    this.#ids = new Set(this.#edges.keys());
  }

  manifest({ stream, query, address, country, origin, token }: SteeringRequest): string {
    const { steering, states, answered } = this.#options;
    const asked = readSteeringQuery(query, this.#ids);
    const here = asked.here ?? this.#edgeAt(origin);
    const current = query.get('_HLS_pathway') === HERE ? here : asked.current;
    const edges = states.all.map((state) => {
      const { weight, places } = this.#edges.get(state.id)!;
      return { ...state, weight, place: places.fit(address, country) };
    });
    const order = orderEdges(edges, { key: address, current, turn: this.#turn++ });
    answered(order[0]!);
    // The edge next to which the playlist is has two names. Players of HLS load no playlist again if they
    // keep the first. Players of DASH load the manifest again, perhaps from another edge, which is `here`
    // then.
    const isNamed = here === undefined || asked.isDash;
    const priority = isNamed ? [...order, HERE] : order.map((id) => (id === here ? HERE : id));
    const pairs = [...(asked.isDash ? [DASH_QUERY] : []), ...(here === undefined ? [] : [`here=${here}`])];
    const path = `/live/${stream}/steering.json${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
    const reload = `${steering.server ?? ''}${token === undefined ? path : printSignedPath(token, path)}`;
    return JSON.stringify({ VERSION: 1, TTL: this.#ttlS(stream), 'RELOAD-URI': reload, 'PATHWAY-PRIORITY': priority });
  }

  /** Whole seconds, 1 or more. */
  #ttlS(stream: string): number {
    const { ttlMs, targetDurationS } = this.#options;
    const most = targetDurationS(stream) ?? Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor(Math.min(ttlMs() / 1000, most)));
  }

  /** The edge that has the address of a request. */
  #edgeAt(origin: string | undefined): string | undefined {
    if (origin === undefined || !URL.canParse(origin)) return undefined;
    const { host } = new URL(origin);
    return [...this.#edges].find(([, edge]) => edge.host === host)?.[0];
  }
}
