/**
 * Types rows of rooms.
 * In: rows. Out: rows whose answer gets the open parts of the feature.
 */
import { rowsFor } from '../../feature.ts';
import type { RoomParts } from '../parts.ts';

/** Types a row. */
export const row = rowsFor<RoomParts>();
