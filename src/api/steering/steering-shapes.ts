/**
 * The JSON of content steering: reports of edges, and the state of the edges. And the contract by which
 * media addresses get Steering Manifests.
 * In: features/steering. Out: http, serve, OpenAPI.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

/** A report of an edge about itself. */
export const EdgeReportBody = Type.Object(
  {
    pathway: Type.String({ maxLength: 32, description: 'name of the edge in `steering.pathways`' }),
    at: Type.Integer({ minimum: 0, description: 'when it was made, ms since 1970; later than the last report' }),
    load: Type.Number({ minimum: 0, maximum: 1, description: 'share of its processor time' }),
    connections: Type.Integer({ minimum: 0, maximum: 10_000_000, description: 'open connections of clients' }),
    draining: Type.Boolean({ description: 'it is about to end, and should get no viewers' }),
    signature: Type.String({
      maxLength: 64,
      description:
        'HMAC-SHA-256 with `edges.token`, in base64url, of `oxbow-edge-report` and the fields above, a line each',
    }),
  },
  { $id: 'EdgeReport', additionalProperties: false },
);

/** An edge that players are steered to. */
export const PathwayView = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    networks: Type.Array(Type.String(), { description: 'of the viewers that it is for' }),
    countries: Type.Array(Type.String(), { description: 'of the viewers that it is for; without either: all' }),
    weight: Type.Integer(),
    state: Type.Union([
      Type.Literal('up', { description: 'gets viewers' }),
      Type.Literal('draining', { description: 'its viewers are sent to others' }),
      Type.Literal('dead', { description: 'does not answer' }),
    ]),
    load: Type.Union([Type.Number(), Type.Null()], { description: 'null: it does not report' }),
    connections: Type.Union([Type.Integer(), Type.Null()]),
    reportedAgo: Type.Union([Type.Number(), Type.Null()], { description: 'seconds since its last report' }),
  },
  { $id: 'PathwayView' },
);
export type PathwayView = Static<typeof PathwayView>;

/** A request for a Steering Manifest. */
export interface SteeringRequest {
  readonly stream: string;
  readonly query: URLSearchParams;
  /** IP address of the viewer. */
  readonly address: string;
  /** Its country; undefined: unknown. */
  readonly country?: string | undefined;
  /** Origin by which the player has reached this server or an edge; undefined: unknown. */
  readonly origin: string | undefined;
  /** The playback token before the path. */
  readonly token: string | undefined;
}

/** Answers requests for Steering Manifests. */
export interface Steerer {
  /** The manifest as JSON; undefined: nothing is steered. */
  manifest(request: SteeringRequest): string | undefined;
}

/** Without edges that players are steered to. */
export const noSteerer: Steerer = { manifest: () => undefined };
