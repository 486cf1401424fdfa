/**
 * The settings of content steering: the edges that players are sent to.
 * In: the types of settings. Out: the section `steering` for config/schema.ts.
 */
import { FormatError } from '@oxbow/media/errors';
import {
  duration,
  httpUrl,
  integer,
  type NamedSections,
  networks,
  optionalUrl,
  section,
  text,
  type Values,
} from '../../config/option.ts';
import { countries } from '../../config/sections/watch-rules-section.ts';

/** Edges that one stream may name: each lists every Variant Stream once more. */
export const MAX_PATHWAYS = 16;

const pathway = section({
  url: text('', 'Address at which players reach the edge, without a path: https://eu.example.', {
    placeholder: 'URL',
    maxLength: 500,
  }),
  networks: networks(
    'Networks (`10.0.0.0/8`) and addresses of the viewers that it is for; it comes first for them, the longest network first. Default: all, if it has no `countries`.',
  ),
  countries: countries(
    'Countries (`DE`) of the viewers that it is for, by `watchRules.countryHeader` or `watchRules.countryFile`; after edges with a network of the viewer. Default: all, if it has no `networks`.',
  ),
  weight: integer('100', { min: 1, max: 1000 }, 'Its share of the viewers of one place, compared with the others.'),
});

/** An edge that players are steered to. */
export type PathwayConfig = Values<typeof pathway>;

const pathways: NamedSections<PathwayConfig> = {
  node: 'named',
  sentence: `Edges that players are steered to, by a name of your choice, at most ${MAX_PATHWAYS}. Default: none, and playlists name no edge.`,
  reload: 'restart',
  each: pathway,
  checkName(name) {
    if (name !== 'here' && /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/.test(name)) return;
    const reason = name === 'here' ? 'is what players call the place of the playlist' : 'is not the name of an edge';
    throw new FormatError(
      `"${name.slice(0, 80)}" ${reason}; use letters, digits, "-" and "_", at most 32 characters`,
      0,
    );
  },
  refine(values) {
    const config = values as PathwayConfig;
    const { pathname, search, hash, username, origin } = new URL(httpUrl(config.url));
    if (pathname !== '/' || search !== '' || hash !== '' || username !== '')
      throw new FormatError(`"${config.url.slice(0, 200)}" has more than a host; write https://eu.example`, 0);
    return { ...config, url: origin };
  },
};

export const steeringSection = section({
  url: optionalUrl(
    'Address at which players read which edge they should use. It should not be that of one edge. Default: `publicUrl`, otherwise the edge they are at.',
  ),
  ttl: duration('5s', 'How often players read it; at most one target duration of the stream.', {
    min: '1s',
    max: '5m',
    reload: 'live',
  }),
  pathways,
});

/** The values of the section. */
export type SteeringConfig = Values<typeof steeringSection>;
