/**
 * The JSON of a probe: the analysis of a source before it is recorded.
 * In: POST /api/v1/probe, `oxbow probe`. Out: JSON. Shared with the interface.
 */
import type { Static } from 'typebox';
import { TrackView } from './shapes.ts';
import { MediaRates, SourceFacts } from './source-facts.ts';
import { Type } from './type.ts';

/** The source to probe. */
export const ProbeRequest = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 4096 }),
    quality: Type.Optional(Type.String({ maxLength: 40, description: '`best`, `worst`, `720p`, `2M`' })),
  },
  { $id: 'ProbeRequest', additionalProperties: false },
);
export type ProbeRequest = Static<typeof ProbeRequest>;

/** The result of a probe. */
export const ProbeView = Type.Object(
  {
    ...SourceFacts.properties,
    protocol: Type.Union([...SourceFacts.properties.protocol.anyOf, Type.Literal('file')]),
    pace: Type.Optional(Type.String({ description: 'how media arrives, in words' })),
    tracks: Type.Array(TrackView),
    media: Type.Union([MediaRates, Type.Null()]),
    picture: Type.Optional(Type.String({ description: 'a JPEG, PNG or WebP as a data: URL' })),
  },
  { $id: 'ProbeView' },
);
export type ProbeView = Static<typeof ProbeView>;
