/**
 * The Pathways of content steering in a Multivariant Playlist and in an MPD: the same media at each edge,
 * after the media next to the playlist itself, which players use until they have read a Steering Manifest.
 * In: a playlist value, the edges. Out: a playlist value with a copy of each Variant Stream and rendition
 * for each edge; elements of an MPD. RFC 8216bis 4.4.6.6 and 7; ETSI TS 103 998 5. Pure.
 */
import type { MultivariantPlaylist, Rendition, Variant } from '@oxbow/media/m3u8/playlist';
import { unsignedPath } from '../../api/signed-path.ts';
import { element } from './xml.ts';

/** Id of the Pathway next to the playlist, whose addresses are relative; no edge has it. */
export const HERE = 'here';

/** In the address of the Steering Manifest for players of DASH, whose first request says nothing else. */
export const DASH_QUERY = 'format=dash';

/** An edge that players may be steered to. */
export interface Pathway {
  /** PATHWAY-ID, serviceLocation. */
  readonly id: string;
  /** Address without a path, and without a slash at its end. */
  readonly url: string;
}

/** The edges of a stream that is steered. */
export interface Steering {
  readonly pathways: readonly Pathway[];
  /**
   * Address at which players read Steering Manifests, without a slash at its end; undefined: next to the
   * playlist, and for players of DASH at the first edge, because they resolve no relative address.
   */
  readonly server: string | undefined;
  /** Addresses of edges have a place for the playback token of the viewer. */
  readonly needsToken: boolean;
}

/** The settings that decide it. */
interface SteeringSettings {
  readonly steering: {
    readonly url: string | undefined;
    readonly pathways: Readonly<Record<string, { readonly url: string }>>;
  };
  readonly publicUrl: string | undefined;
}

/** The edges of the settings; undefined: there are none, and nothing is steered. */
export function steeringOf({ steering, publicUrl }: SteeringSettings): Steering | undefined {
  const pathways = Object.entries(steering.pathways).map(([id, { url }]) => ({ id, url }));
  const server = (steering.url ?? publicUrl)?.replace(/\/+$/, '');
  return pathways.length === 0 ? undefined : { pathways, server, needsToken: false };
}

/** The same edges for streams that need a playback token. */
export function withTokens(steering: Steering | undefined): Steering | undefined {
  return steering && { pathways: steering.pathways, server: steering.server, needsToken: true };
}

/** A path at another server. */
const pathAt = (path: string, { needsToken }: Pick<Steering, 'needsToken'>): string =>
  needsToken ? unsignedPath(path) : path;

/** Path of the Steering Manifest of a stream. */
const steeringPath = (stream: string): string => `/live/${stream}/steering.json`;

/**
 * Adds the Pathways to a playlist. Audio and subtitles of an edge are in groups with its id at the end.
 *
 * @param folder of the playlist, from the root on, with slashes at both ends
 * @param serverUri address of the Steering Manifest, relative to the playlist
 */
export function withPathways(
  list: MultivariantPlaylist,
  { pathways, needsToken }: Pick<Steering, 'pathways' | 'needsToken'>,
  { folder, serverUri }: { readonly folder: string; readonly serverUri: string },
): MultivariantPlaylist {
  const locals = new Set(list.renditions.flatMap(({ uri, groupId }) => (uri === undefined ? [] : [groupId])));
  const at = ({ id, url }: Pathway) => {
    const group = (name: string) => (locals.has(name) ? `${name}-${id}` : name);
    const uriOf = (uri: string) => `${url}${pathAt(`${folder}${uri}`, { needsToken })}`;
    return {
      variant: (variant: Variant): Variant => ({
        ...variant,
        uri: uriOf(variant.uri),
        ...(variant.audio !== undefined && { audio: group(variant.audio) }),
        ...(variant.subtitles !== undefined && { subtitles: group(variant.subtitles) }),
        pathwayId: id,
      }),
      rendition: (rendition: Rendition): Rendition[] =>
        rendition.uri === undefined
          ? []
          : [{ ...rendition, groupId: group(rendition.groupId), uri: uriOf(rendition.uri), pathwayId: id }],
    };
  };
  const edges = pathways.map(at);
  const here = ({ uri }: Pick<Rendition, 'uri'>) => (uri === undefined ? {} : { pathwayId: HERE });
  return {
    ...list,
    contentSteering: { serverUri, pathwayId: HERE },
    variants: [
      ...list.variants.map((variant) => ({ ...variant, pathwayId: HERE })),
      ...edges.flatMap(({ variant }) => list.variants.map(variant)),
    ],
    renditions: [
      ...list.renditions.map((rendition) => ({ ...rendition, ...here(rendition) })),
      ...edges.flatMap(({ rendition }) => list.renditions.flatMap(rendition)),
    ],
  };
}

/**
 * BaseURL and Location of each Pathway, and ContentSteering: a live manifest is read again and again, also
 * after the edge that it came from has died.
 *
 * @param base folder of the renditions relative to the manifest, with a slash at its end; empty: its own
 * @param folder between that of the stream and the manifest, with a slash at its end; empty: there is none
 */
export function steeringElements(
  { pathways, server, needsToken }: Steering,
  stream: string,
  { base, folder }: { readonly base: string; readonly folder: string },
): string[] {
  const steered = server ?? pathways[0]!.url;
  const at = (path: string) => pathAt(path, { needsToken });
  return [
    element('BaseURL', { serviceLocation: HERE }, base === '' ? './' : base),
    ...pathways.map(({ id, url }) => element('BaseURL', { serviceLocation: id }, `${url}${at(`/live/${stream}/`)}`)),
    element('Location', { serviceLocation: HERE }, 'index.mpd'),
    ...pathways.map(({ id, url }) =>
      element('Location', { serviceLocation: id }, `${url}${at(`/live/${stream}/${folder}index.mpd`)}`),
    ),
    element(
      'ContentSteering',
      { defaultServiceLocation: HERE, queryBeforeStart: 'false' },
      `${steered}${at(steeringPath(stream))}?${DASH_QUERY}`,
    ),
  ];
}
