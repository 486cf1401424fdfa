/**
 * Runs a client's command and replies.
 * In: a room, a connection, its command. Out: `ack` or `refused`.
 */
import type { UserRef } from '../../accounts/users/user.ts';
import type { ClientMessageOf } from '../../api/room/messages.ts';
import type { PlaybackState } from '../../api/room/playback.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Connection } from './participants/connection.ts';
import type { PlaybackCommand } from './playback/playback.ts';

/** The used part of a room. */
interface CommandedRoom {
  readonly playback: { readonly state: PlaybackState };
  command(command: PlaybackCommand, by: UserRef): Promise<number>;
}

/** @param failed gets errors other than refusals, for the log */
export async function answerCommand(
  room: CommandedRoom,
  connection: Connection,
  { t: _, id, ...command }: ClientMessageOf<'command'>,
  failed: (error: unknown) => void,
): Promise<void> {
  try {
    const rev = await room.command(command, connection.user);
    connection.send({ t: 'ack', id, rev });
  } catch (error) {
    if (!(error instanceof OxbowError)) failed(error);
    const { code, message: detail } =
      error instanceof OxbowError ? error : new OxbowError('internal', 'The command failed.');
    if (code === 'state-stale') connection.send({ t: 'state', state: room.playback.state });
    connection.send({ t: 'refused', id, code, detail });
  }
}
