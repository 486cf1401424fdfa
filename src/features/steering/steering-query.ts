/**
 * The query of a request for a Steering Manifest, as players of HLS and of DASH write it.
 * In: any query. Out: the edge that the player uses, and the one that the playlist came from. Pure.
 * RFC 8216bis 7.2; ETSI TS 103 998 7.
 */
import { DASH_QUERY, HERE } from '../../delivery/format/pathways.ts';

/** Characters of a value that are read. */
const MAX_LENGTH = 1000;

/** What a player says. */
interface SteeringQuery {
  /** Id of the Pathway that it uses; undefined: none yet. */
  readonly current: string | undefined;
  /** Id of the edge next to which the playlist is, as the manifest before said; undefined: unknown. */
  readonly here: string | undefined;
  /** It is a player of DASH. */
  readonly isDash: boolean;
}

/**
 * Reads a query; values that name nothing known are left out.
 *
 * @param known ids of edges
 */
export function readSteeringQuery(query: URLSearchParams, known: ReadonlySet<string>): SteeringQuery {
  const said = query.get('here');
  const here = said !== null && known.has(said) ? said : undefined;
  const [name, value] = DASH_QUERY.split('=') as [string, string];
  const isDash = query.get(name) === value || query.has('_DASH_pathway');
  // Players of DASH list all that they have used since the request before, the newest last, in quotes.
  const named = (query.get('_HLS_pathway') ?? query.get('_DASH_pathway') ?? '')
    .slice(0, MAX_LENGTH)
    .replaceAll('"', '')
    .split(',')
    .at(-1)!;
  if (named === HERE) return { current: here, here, isDash };
  return { current: known.has(named) ? named : undefined, here, isDash };
}
