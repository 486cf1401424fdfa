/**
 * The revision of a stream's settings, for ETag and If-Match.
 * In: a definition. Out: a short text that is the same for the same settings, also after a restart, and does
 * not reveal them.
 */
import { createHmac } from 'node:crypto';
import { qualitySettingsOf, type StreamDefinition } from './definition.ts';

/** The revision; `stopped` is not part of it. */
export function revisionOf(definition: StreamDefinition): string {
  const {
    id,
    source,
    origin,
    title,
    description,
    record,
    keepMs,
    visibility,
    visibilityIsSet,
    relays = [],
    storage,
    alarms,
    watchRules,
    past,
    encryption,
    showRewound,
    peerDelivery,
    healFrom,
  } = definition;
  const qualities = qualitySettingsOf(definition);
  const settings = JSON.stringify([
    ...[source, origin, title, description],
    ...[record, keepMs ?? null, visibility, visibilityIsSet],
    ...(relays.length > 0 ? [relays] : []),
    ...(Object.keys(qualities).length > 0 ? [qualities] : []),
    ...(storage === undefined ? [] : [{ storage }]),
    ...(alarms === undefined ? [] : [{ alarms }]),
    ...(watchRules === undefined ? [] : [{ watchRules }]),
    ...(past === undefined ? [] : [{ past }]),
    ...(encryption === undefined ? [] : [{ encryption }]),
    ...(showRewound === undefined ? [] : [{ showRewound }]),
    ...(peerDelivery === undefined ? [] : [{ peerDelivery }]),
    ...(healFrom === undefined ? [] : [{ healFrom }]),
  ]);
  // Keyed with the internal id, so that a client cannot find the address of the source by trying.
  return createHmac('sha256', id).update(settings).digest('base64url').slice(0, 22);
}
