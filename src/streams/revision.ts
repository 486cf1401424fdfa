/**
 * Tells one state of a stream's settings from another.
 * In: a definition. Out: a short text that is the same for the same settings, over restarts too; it tells nothing about them.
 */
import { createHmac } from 'node:crypto';
import type { StreamDefinition } from './definition.ts';

/** Names what a person has set of a stream; whether it runs is not part of it. */
export function revisionOf({
  id,
  source,
  origin,
  title,
  description,
  record,
  keepMs,
  visibility,
  visibilityIsSet,
}: StreamDefinition): string {
  const settings = JSON.stringify([
    ...[source, origin, title, description],
    ...[record, keepMs ?? null, visibility, visibilityIsSet],
  ]);
  // Keyed by what nobody outside knows: else whoever sees it could try addresses until one fits.
  return createHmac('sha256', id).update(settings).digest('base64url').slice(0, 22);
}
