/**
 * Relays: their JSON, shared with the web interface, and the contract of their API. Times are RFC 3339 in UTC
 * with milliseconds.
 * In: http/routes calls the contract, with valid names. Out: web/, OpenAPI, other people's programs;
 * features/relays implements it.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';

const Time = Type.String({ format: 'date-time', description: 'RFC 3339, UTC, milliseconds' });

const relayStates = ['waiting', 'connecting', 'live', 'failed', 'stopped'] as const;
/** One of them. */
export type RelayState = (typeof relayStates)[number];

export const RelayView = Type.Object(
  {
    id: Type.String(),
    label: Type.String({ description: 'name for people; may be empty' }),
    target: Type.String({ description: 'address of the target without its secrets, as `rtmps://live.example/app/…`' }),
    origin: Type.Union([Type.Literal('api'), Type.Literal('configuration')]),
    enabled: Type.Boolean(),
    state: Type.Unsafe<RelayState>(
      Type.String({
        enum: [...relayStates],
        description:
          '`waiting`: the stream has no media; `failed`: the target was lost or refused, the next attempt is at `retryAt`; `stopped`: not enabled',
      }),
    ),
    since: Time,
    retryAt: Type.Union([Time, Type.Null()], { description: 'next attempt' }),
    attempts: Type.Integer({ description: 'attempts since the last connection that lasted for 30 s' }),
    sentBytes: Type.Integer({ description: 'media sent since the start of oxbow' }),
    lostFrames: Type.Integer({ description: 'frames that the target did not get because it was slow' }),
    leftOut: Type.Array(Type.String(), { description: 'tracks that the target cannot take' }),
    error: Type.String({
      description: 'why the last connection ended or failed; empty if none has, and while the relay is live',
    }),
  },
  { $id: 'RelayView' },
);
export type RelayView = Static<typeof RelayView>;

/** The settings of a new relay. */
export interface NewRelay {
  /** Address with its secrets. */
  readonly url: string;
  readonly label: string;
  readonly enabled: boolean;
}

export interface RelayChange {
  readonly label?: string | undefined;
  readonly enabled?: boolean | undefined;
}

/** Relays of streams. Every call refuses `stream-unknown`. */
export interface RelaysApi {
  /** Those of the configuration first, then oldest first. */
  list(stream: string): readonly RelayView[];
  /** Refuses `bad-request` for an address that is none, `relay-loop`, `limit-reached`. */
  create(stream: string, relay: NewRelay): Promise<RelayView>;
  /** Refuses `relay-unknown`, `managed-elsewhere`. */
  change(stream: string, id: string, change: RelayChange): Promise<RelayView>;
  /** Refuses `relay-unknown`, `managed-elsewhere`. */
  remove(stream: string, id: string): Promise<void>;
}
