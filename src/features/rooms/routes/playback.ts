/**
 * Routes of what plays in a room: the same state and commands as over the WebSocket, for programs.
 * In: commands. Out: RoomState.
 */

import { clientMessages } from '../../../api/room/messages.ts';
import { Type } from '../../../api/type.ts';
import { IdParams } from '../../../http/route/page-query.ts';
import type { FeatureRoute } from '../../feature.ts';
import type { RoomParts } from '../parts.ts';
import { readRoom } from './room-reader.ts';
import { row } from './row.ts';

const State = Type.Object(
  {
    rev: Type.Integer({ description: 'commands carry the one that their author saw' }),
    item: Type.Union([Type.String(), Type.Null()], { description: 'id of the entry that plays' }),
    playing: Type.Boolean(),
    rate: Type.Number(),
    anchorMedia: Type.Number({
      description: 'position at `anchorServer`, ms: UTC in streams, from the start otherwise',
    }),
    anchorServer: Type.Number({ description: 'server time, unix ms; it may be a moment in the future' }),
    live: Type.Boolean({ description: 'at the live edge' }),
    by: Type.String({ description: 'id of the user whose command it was; empty: the server' }),
    waitingFor: Type.Optional(
      Type.Array(Type.String(), { description: 'ids of the users without media that the room waits for' }),
    ),
  },
  { $id: 'RoomState' },
);
const StateNow = Type.Object(
  { state: State, serverMs: Type.Number({ description: 'unix ms' }), positionMs: Type.Number({ description: 'now' }) },
  { $id: 'RoomStateNow' },
);
const { rev, do: verb, positionMs, rate, item } = clientMessages.command.properties;
const Command = Type.Object(
  { rev, do: verb, positionMs, rate, item },
  { $id: 'RoomCommand', additionalProperties: false },
);

/** The rows. */
export const roomPlaybackRoutes: readonly FeatureRoute<RoomParts>[] = [
  row({
    method: 'GET',
    path: '/api/v1/rooms/:id/state',
    tag: 'rooms',
    access: 'person',
    sentence: 'Returns what plays in a room, and where it is now.',
    params: IdParams,
    replies: { 200: StateNow },
    async answer(call, parts, { clock }) {
      const { room } = await readRoom(call, parts);
      return {
        body: {
          state: room.state.playback.state,
          serverMs: clock.nowMs(),
          positionMs: room.state.playback.positionMs,
        },
      };
    },
  }),
  row({
    method: 'POST',
    path: '/api/v1/rooms/:id/commands',
    tag: 'rooms',
    access: 'person',
    sentence:
      'Plays, pauses, seeks, changes the speed or the entry, for everyone in the room. `rev` is that of the state which its author saw; `state-stale` if it has changed.',
    params: IdParams,
    body: Command,
    replies: { 200: StateNow },
    async answer(call, parts, { clock }) {
      const { room, user } = await readRoom(call, parts);
      await room.state.command(call.body, user);
      return {
        body: {
          state: room.state.playback.state,
          serverMs: clock.nowMs(),
          positionMs: room.state.playback.positionMs,
        },
      };
    },
  }),
];
