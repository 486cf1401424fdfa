/**
 * Moves the rows of a stream by its name, over separate connections.
 * In: the settings of a server. Out: as moveStream.
 */
import type { DatabaseServer } from '../../config/sections/store-section.ts';
import { OxbowError } from '../../lib/errors.ts';
import { type MovedStream, type MoveStreamOptions, moveStream } from './move-stream.ts';
import { openDatabases } from './open-databases.ts';

/** Options of `moveStreamByName`. */
type NamedMove = Omit<MoveStreamOptions, 'catalogue' | 'databaseOf' | 'streamId'> & { readonly stream: string };

/**
 * Moves the rows of a stream.
 *
 * @throws OxbowError `not-found` for an unknown stream; errors of `openDatabases` and `moveStream`
 */
export async function moveStreamByName(
  server: DatabaseServer,
  { stream, ...options }: NamedMove,
): Promise<MovedStream> {
  await using databases = await openDatabases(server, options.signal);
  const { catalogue, databaseOf } = databases;
  await databaseOf(options.to);
  const row = await catalogue.selectFrom('stream').select('id').where('name', '=', stream).executeTakeFirst();
  if (!row) throw new OxbowError('not-found', `There is no stream ${stream}.`);
  return await moveStream({ ...options, catalogue, databaseOf, streamId: row.id });
}
