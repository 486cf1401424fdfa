/**
 * Types rows of rooms.
 * In: rows. Out: rows whose answer gets what the feature opened.
 */
import { rowsFor } from '../../feature.ts';
import type { RoomParts } from '../parts.ts';

/** Types a row. */
export const row = rowsFor<RoomParts>();
