/**
 * API calls for sets of angles.
 * In: the browser's session. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type {
  AngleClips,
  AngleExport,
  AngleMeasurement,
  AngleMember,
  AngleSet,
  AngleSetPatch,
  NewAngleMeasurement,
  NewAngleSet,
} from '../../../src/api/angles/angle-shapes.ts';
import { askServer } from './client.ts';

export type { AngleClips, AngleExport, AngleMeasurement, AngleMember, AngleSet };

/** Sets that are looked through: a page lacks those that the viewer may not see. */
const PAGES = 5;

/** The newest sets that the viewer may see. @param most about this many */
export async function listAngleSets(most: number, signal: AbortSignal): Promise<readonly AngleSet[]> {
  const sets: AngleSet[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES && sets.length < most; page++) {
    const query: { cursor?: string } = cursor === null ? {} : { cursor };
    const { items, nextCursor } = await askServer(signal, (client, options) => client.listAngleSets(query, options));
    sets.push(...items);
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  return sets;
}

/** A set with its members. */
export function getAngleSet(id: string, signal: AbortSignal): Promise<AngleSet> {
  return askServer(signal, (client, options) => client.getAngleSet({ id }, options));
}

/** Stores a set. */
export function createAngleSet(body: NewAngleSet, signal: AbortSignal): Promise<AngleSet> {
  return askServer(signal, (client, options) => client.createAngleSet({ body }, options));
}

/** Changes name, offsets or where it opens. */
export function updateAngleSet(id: string, body: AngleSetPatch, signal: AbortSignal): Promise<AngleSet> {
  return askServer(signal, (client, options) => client.updateAngleSet({ id, body }, options));
}

/** Its streams and videos stay. */
export function deleteAngleSet(id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteAngleSet({ id }, options));
}

/** Starts to compare the sound of the members. */
export function measureAngleSet(id: string, body: NewAngleMeasurement, signal: AbortSignal): Promise<AngleMeasurement> {
  return askServer(signal, (client, options) => client.createAngleSetMeasurement({ id, body }, options));
}

/** Creates a clip of each stream. */
export function clipAngleSet(
  id: string,
  body: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<AngleClips> {
  return askServer(signal, (client, options) => client.createAngleSetClip({ id, body }, options));
}

/** Starts an archive of all streams. */
export function exportAngleSet(
  id: string,
  body: { readonly from: string; readonly to: string; readonly exact: boolean },
  signal: AbortSignal,
): Promise<AngleExport> {
  return askServer(signal, (client, options) => client.createAngleSetExport({ id, body }, options));
}

/** The exports of a set, newest first. */
export async function listAngleExports(id: string, signal: AbortSignal): Promise<readonly AngleExport[]> {
  const { items } = await askServer(signal, (client, options) => client.listAngleSetExports({ id }, options));
  return items;
}
