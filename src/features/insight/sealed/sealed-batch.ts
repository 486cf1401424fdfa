/**
 * A batch of sealed rows, as the database lists it.
 * In: the table `viewing_sealed`. Out: its type.
 */
import type { Selectable } from 'kysely';
import type { ViewingSealedTable } from '../tables.ts';

export type SealedBatch = Selectable<ViewingSealedTable>;
