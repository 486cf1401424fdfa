/**
 * Runs a client's command and replies.
 * In: a room, a connection, its command. Out: `ack` or `refused`.
 */
import type { UserRef } from '../accounts/users/user.ts';
import type { ClientMessageOf } from '../api/room/messages.ts';
import type { PlaybackState } from '../api/room/playback.ts';
import { OxbowError } from '../lib/errors.ts';
import type { Peer } from './peer.ts';
import type { PlaybackCommand } from './playback/playback.ts';

/** What is used of a room. */
export interface CommandedRoom {
  readonly state: PlaybackState;
  command(command: PlaybackCommand, by: UserRef): Promise<number>;
}

/** @param failed gets what is not a refusal, for the log */
export async function answerCommand(
  room: CommandedRoom,
  peer: Peer,
  { t: _, id, ...command }: ClientMessageOf<'command'>,
  failed: (error: unknown) => void,
): Promise<void> {
  try {
    const rev = await room.command(command, peer.user);
    peer.send({ t: 'ack', id, rev });
  } catch (error) {
    if (!(error instanceof OxbowError)) failed(error);
    const { code, message: detail } =
      error instanceof OxbowError ? error : new OxbowError('internal', 'The command failed.');
    if (code === 'state-stale') peer.send({ t: 'state', state: room.state });
    peer.send({ t: 'refused', id, code, detail });
  }
}
