/**
 * Every message of a room's WebSocket, in both directions: JSON text, one object each, `t` is its type.
 * Positions are ms; server times unix ms.
 * In: rooms, the interface. Out: schemas of client messages, types of server messages.
 * docs/7-together/messages.md.
 */
import type { Static } from 'typebox';
import { Type } from '../type.ts';
import { type CallIceServer, type CallSlot, MAX_CALL_SIGNAL, type RoomCall } from './call-shapes.ts';
import type { RoomMessage, RoomPoll } from './chat-shapes.ts';
import type { ItemChanges } from './item-changes.ts';
import type { RoomItem } from './item-shapes.ts';
import { MAX_CHAT, MAX_DANMAKU } from './limits.ts';
import type { PlaybackState } from './playback.ts';
import type { MemberView, RoomView } from './room-shapes.ts';

export type { RoomMessage, RoomPoll } from './chat-shapes.ts';

export { MAX_CLIENT_MESSAGE } from './limits.ts';

const ClientId = Type.String({ pattern: '^[A-Za-z0-9_-]{8,64}$' });

/** First message of a connection: resumes after the message `since`. */
const Hello = Type.Object(
  {
    t: Type.Literal('hello'),
    since: Type.Optional(Type.Integer({ minimum: 0 })),
    visible: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
/** Requests the server's time; `c` comes back. */
const ClockQuestion = Type.Object({ t: Type.Literal('clock'), c: Type.Number() }, { additionalProperties: false });

/** A command; `rev` is that of the state which its author saw. */
const Command = Type.Object(
  {
    t: Type.Literal('command'),
    id: ClientId,
    rev: Type.Integer({ minimum: 0 }),
    do: Type.Union([
      Type.Literal('play'),
      Type.Literal('pause'),
      Type.Literal('seek'),
      Type.Literal('rate'),
      Type.Literal('item'),
      Type.Literal('live'),
    ]),
    /** `seek`, and optional with `play`, `pause`, `item`. */
    positionMs: Type.Optional(Type.Number()),
    rate: Type.Optional(Type.Number({ minimum: 0.25, maximum: 4 })),
    item: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
  },
  { additionalProperties: false },
);
/**
 * A chat message; sent again under the same id, with `again`, until it is acknowledged. `atMs`: position in
 * the media that the author saw; the server's position replaces one that cannot be right.
 */
const Chat = Type.Object(
  {
    t: Type.Literal('chat'),
    id: ClientId,
    text: Type.String({ minLength: 1, maxLength: MAX_CHAT }),
    replyTo: Type.Optional(Type.Integer({ minimum: 1 })),
    atMs: Type.Optional(Type.Number()),
    again: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const Danmaku = Type.Object(
  {
    t: Type.Literal('danmaku'),
    id: ClientId,
    text: Type.String({ minLength: 1, maxLength: MAX_DANMAKU }),
    atMs: Type.Number(),
    color: Type.Optional(Type.String({ pattern: '^#[0-9a-f]{6}$' })),
    mode: Type.Optional(Type.Union([Type.Literal('scroll'), Type.Literal('top'), Type.Literal('bottom')])),
    again: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
/** Adds or takes back a reaction to a message. */
const React = Type.Object(
  {
    t: Type.Literal('react'),
    seq: Type.Integer({ minimum: 1 }),
    emoji: Type.String({ minLength: 1, maxLength: 32 }),
    on: Type.Boolean(),
  },
  { additionalProperties: false },
);
/** Deletes a message: its author, and moderators. */
const Remove = Type.Object(
  { t: Type.Literal('delete'), seq: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
);
/** A vote in a poll; replaces the one before. */
const Vote = Type.Object(
  {
    t: Type.Literal('vote'),
    poll: Type.String({ maxLength: 64 }),
    choices: Type.Array(Type.Integer({ minimum: 0, maximum: 19 }), { maxItems: 20 }),
  },
  { additionalProperties: false },
);
/** Requests a permission from those present who may give it. Not stored. */
const Ask = Type.Object(
  { t: Type.Literal('ask'), id: ClientId, for: Type.Literal('control') },
  { additionalProperties: false },
);
/** How the member's player is: every 2 s, and when `buffering` changes. */
const Report = Type.Object(
  {
    t: Type.Literal('report'),
    rev: Type.Integer({ minimum: 0 }),
    offsetMs: Type.Union([Type.Number(), Type.Null()]),
    buffering: Type.Boolean(),
    roundTripMs: Type.Optional(Type.Number({ minimum: 0 })),
    visible: Type.Optional(Type.Boolean()),
    ended: Type.Optional(Type.Boolean()),
    durationMs: Type.Optional(Type.Number({ minimum: 0 })),
  },
  { additionalProperties: false },
);

const callMedia = {
  microphone: Type.Boolean(),
  camera: Type.Boolean(),
  screen: Type.Boolean(),
  /** This participant records the call as a stream; absent: it does not. */
  recording: Type.Optional(Type.Boolean()),
};
/** Takes part in the call of the room with this connection. */
const CallJoin = Type.Object(
  { t: Type.Literal('call-join'), id: ClientId, ...callMedia },
  { additionalProperties: false },
);
/** Changes its media in the call. */
const CallMedia = Type.Object(
  { t: Type.Literal('call-media'), id: ClientId, ...callMedia },
  { additionalProperties: false },
);
const CallLeave = Type.Object({ t: Type.Literal('call-leave') }, { additionalProperties: false });
/** A description or a candidate of a connection between two browsers, for another participant. */
const CallSignal = Type.Object(
  {
    t: Type.Literal('call-signal'),
    to: Type.String({ maxLength: 64 }),
    signal: Type.Object(
      {
        description: Type.Optional(
          Type.Object(
            {
              type: Type.Union([Type.Literal('offer'), Type.Literal('answer'), Type.Literal('rollback')]),
              sdp: Type.String({ maxLength: MAX_CALL_SIGNAL }),
            },
            { additionalProperties: false },
          ),
        ),
        candidate: Type.Optional(
          Type.Object(
            {
              candidate: Type.String({ maxLength: 1024 }),
              sdpMid: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Null()])),
              sdpMLineIndex: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 255 }), Type.Null()])),
              usernameFragment: Type.Optional(Type.Union([Type.String({ maxLength: 256 }), Type.Null()])),
            },
            { additionalProperties: false },
          ),
        ),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

/** Schemas of client messages, by type. */
export const clientMessages = {
  hello: Hello,
  clock: ClockQuestion,
  command: Command,
  chat: Chat,
  danmaku: Danmaku,
  react: React,
  delete: Remove,
  vote: Vote,
  ask: Ask,
  report: Report,
  'call-join': CallJoin,
  'call-media': CallMedia,
  'call-leave': CallLeave,
  'call-signal': CallSignal,
} as const;

export type ClientMessage = {
  [T in keyof typeof clientMessages]: Static<(typeof clientMessages)[T]>;
}[keyof typeof clientMessages];
/** One type of client message. */
export type ClientMessageOf<T extends ClientMessage['t']> = Extract<ClientMessage, { t: T }>;

/** Why a connection to a room ends: the WebSocket close code. */
export const roomCloseCodes = {
  /** oxbow stops: connect again. */
  stopping: 1001,
  /**
   * Floods, messages that are none, binary ones. A message that is too long ends with 1009, one that is not
   * UTF-8 with 1007.
   */
  misuse: 1008,
  overload: 1013,
  signedOut: 4001,
  forbidden: 4003,
  gone: 4004,
  kicked: 4005,
  banned: 4006,
  full: 4007,
  'too-slow': 4008,
  pending: 4009,
  password: 4010,
  /** The person has left the room for good, in this page or another. */
  left: 4011,
  /** Another node of the cluster has the room: connect again, at once. */
  moved: 4012,
  /** The room may not be entered from this network or country. */
  'not-here': 4013,
} as const;

export type ServerMessage =
  | {
      readonly t: 'welcome';
      /** This connection's user. */
      readonly you: { readonly user: string; readonly name: string; readonly permissions: number };
      readonly serverMs: number;
      readonly room: RoomView;
      readonly state: PlaybackState;
      readonly members: readonly MemberView[];
      readonly items: readonly RoomItem[];
      readonly polls: readonly RoomPoll[];
      /**
       * The newest 200 messages after `since`, oldest first; without `since` the last 100 without danmaku.
       */
      readonly messages: readonly RoomMessage[];
      /** Some messages after `since` are missing: read the history. */
      readonly gap: boolean;
      readonly lastSeq: number;
      /** The call of the room; null: none. */
      readonly call: RoomCall | null;
    }
  | { readonly t: 'clock'; readonly c: number; readonly serverMs: number }
  | { readonly t: 'state'; readonly state: PlaybackState }
  /**
   * The answer to a command, chat, danmaku, ask. A message is acknowledged when it is committed. `to`: number
   * of people who got the request.
   */
  | { readonly t: 'ack'; readonly id: string; readonly seq?: number; readonly rev?: number; readonly to?: number }
  | {
      readonly t: 'refused';
      readonly id?: string;
      readonly code: string;
      readonly detail: string;
      readonly retryAfterMs?: number;
    }
  | { readonly t: 'message'; readonly message: RoomMessage }
  /** A message was deleted, or its reactions changed. */
  | { readonly t: 'changed'; readonly message: RoomMessage }
  | { readonly t: 'member'; readonly member: MemberView }
  | { readonly t: 'left'; readonly user: string }
  /** Many came and went: those who are here now, and ids of those who left. */
  | { readonly t: 'members'; readonly members: readonly MemberView[]; readonly left: readonly string[] }
  /** Offsets of members, together, at most once a second: user id, ms or null, buffering. */
  | {
      readonly t: 'offsets';
      readonly offsets: readonly (readonly [user: string, offsetMs: number | null, buffering: boolean])[];
    }
  /** Someone requests a permission; to those who may give it. */
  | { readonly t: 'asked'; readonly user: string; readonly name: string; readonly for: 'control' }
  /** All entries that this person may see: when that changes, and for those who see only what plays. */
  | { readonly t: 'items'; readonly items: readonly RoomItem[] }
  /** The changes of the playlist, for those who see all of it: `withItemChanges`. */
  | ({ readonly t: 'item-changes' } & ItemChanges)
  | { readonly t: 'room'; readonly room: RoomView }
  | { readonly t: 'you'; readonly permissions: number; readonly mutedUntilMs: number | null }
  | { readonly t: 'poll'; readonly poll: RoomPoll }
  | { readonly t: 'poll-deleted'; readonly poll: string }
  /** The call has changed; null: it has ended. */
  | { readonly t: 'call'; readonly call: RoomCall | null }
  /** This connection takes part, as this participant. */
  | { readonly t: 'call-joined'; readonly participant: string; readonly iceServers: readonly CallIceServer[] }
  | {
      readonly t: 'call-signal';
      readonly from: string;
      readonly signal: ClientMessageOf<'call-signal'>['signal'];
    }
  /** The media of each media description of the server's answer: all of it, whenever it changes. */
  | { readonly t: 'call-slots'; readonly slots: readonly CallSlot[] }
  /** The server has removed this participant. */
  | { readonly t: 'call-ended'; readonly reason: 'muted' | 'stopped' }
  | { readonly t: 'bye'; readonly reason: keyof typeof roomCloseCodes; readonly detail: string };
