/**
 * API calls of the page for publishers: stream keys, addresses, what arrives, its history.
 * In: the session's cookie. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type { StreamSync } from '../../../src/api/inspect-shapes.ts';
import type { StatsHistory, StreamStats } from '../../../src/api/measure/stats-shapes.ts';
import type { CreatedPublishKey, PublishAddresses, PublishKeyView } from '../../../src/api/publish/publish-shapes.ts';
import type { PushSourcePatch, SourceSettings } from '../../../src/api/shapes.ts';
import { askServer } from './client.ts';

export type {
  CreatedPublishKey,
  PublishAddresses,
  PublishKeyView,
  SourceSettings,
  StatsHistory,
  StreamStats,
  StreamSync,
};

/** Settings of a new key. */
export interface KeySettings {
  readonly label: string;
  /** A duration from now, or an instant; omitted: it does not expire. */
  readonly expires?: string;
  /** Addresses and ranges from which it is accepted; omitted: from everywhere. */
  readonly allow?: readonly string[];
}

/** The addresses to publish to, with the word KEY in place of a key. */
export function getPublishAddresses(name: string, signal: AbortSignal): Promise<PublishAddresses> {
  return askServer(signal, (client, options) => client.getStreamPublish({ name }, options));
}

/** The settings of the server. */
export async function getSettings(
  signal: AbortSignal,
): Promise<readonly { readonly path: string; readonly value: string }[]> {
  return (await askServer(signal, (client, options) => client.listSettings(options))).items;
}

export function createKey(name: string, settings: KeySettings, signal: AbortSignal): Promise<CreatedPublishKey> {
  return askServer(signal, (client, options) =>
    client.createStreamKey({ name, body: { ...settings, allow: [...(settings.allow ?? [])] } }, options),
  );
}

/** Creates a key with the settings of another one, which stays valid for `overlap`, a duration. */
export function rotateKey(name: string, id: string, overlap: string, signal: AbortSignal): Promise<CreatedPublishKey> {
  return askServer(signal, (client, options) => client.rotateStreamKey({ name, id, body: { overlap } }, options));
}

/** The keys of a stream, oldest first. */
export async function getKeys(name: string, signal: AbortSignal): Promise<readonly PublishKeyView[]> {
  return (await askServer(signal, (client, options) => client.listStreamKeys({ name }, options))).items;
}

/** Revokes a key: a publisher that uses it is disconnected. */
export function revokeKey(name: string, id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteStreamKey({ name, id }, options));
}

/** What arrives now, and what to change. */
export function getStats(name: string, signal: AbortSignal): Promise<StreamStats> {
  return askServer(signal, (client, options) => client.getStreamStats({ name }, options));
}

/** The clocks of the stream now. */
export function getSync(name: string, signal: AbortSignal): Promise<StreamSync> {
  return askServer(signal, (client, options) => client.getStreamSync({ name }, options));
}

/**
 * The figures of [fromMs, toMs).
 *
 * @param fromMs unix milliseconds, rounded down to the second
 * @param toMs unix milliseconds, rounded up to the second
 */
export function getStatsHistory(
  name: string,
  fromMs: number,
  toMs: number,
  resS: number,
  signal: AbortSignal,
): Promise<StatsHistory> {
  const range = { from: String(Math.floor(fromMs / 1000)), to: String(Math.ceil(toMs / 1000)), res: String(resS) };
  return askServer(signal, (client, options) => client.getStreamStatsHistory({ name, ...range }, options));
}

/** The settings of the stream's source. */
export function getSource(name: string, signal: AbortSignal): Promise<SourceSettings> {
  return askServer(signal, (client, options) => client.getStreamSource({ name }, options));
}

/** Changes settings of a push source. */
export async function changeSource(name: string, source: PushSourcePatch, signal: AbortSignal): Promise<void> {
  await askServer(signal, (client, options) => client.updateStream({ name, body: { source } }, options));
}
