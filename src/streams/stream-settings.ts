/**
 * Turns settings of the API and of the configuration into definitions of streams.
 * In: StreamSettings, StreamPatch, StreamConfig. Out: StreamDefinition; settings that are not set take the
 * server's defaults.
 */
import { randomBytes } from 'node:crypto';
import { FormatError } from '@oxbow/media/errors';
import { checkAlarmRules } from '../api/alarms/alarm-rules.ts';
import type { StreamPatch, StreamSettings } from '../api/shapes.ts';
import { NO_TEXTS } from '../api/stream/stream-texts.ts';
import { defaultVisibility } from '../config/exposure.ts';
import { readHealFrom } from '../config/heal-from.ts';
import { withAllKeptSecrets } from '../config/public-address.ts';
import type { Config, PullSourceConfig, StreamConfig } from '../config/schema.ts';
import { readPastRules } from '../config/sections/past-section.ts';
import { LOCAL_STORAGE } from '../config/sections/storage-section.ts';
import { readWatchRules } from '../config/sections/watch-rules-section.ts';
import { parseDuration } from '../lib/duration.ts';
import { OxbowError, sentenceOf } from '../lib/errors.ts';
import { parseLadder, printLadder } from '../lib/live-ladder.ts';
import type { LockedAddresses, StreamDefinition } from './definition.ts';
import { patchSource, sourceAfter } from './source/source-settings.ts';

/**
 * A definition with all settings of a request.
 *
 * @param before the stream that it replaces; `***` in addresses is what is stored of them
 * @throws OxbowError `bad-request`
 */
export function defineStream(
  settings: StreamSettings,
  identity: Pick<StreamDefinition, 'id' | 'name' | 'createdUs'>,
  config: Config,
  before?: StreamDefinition,
): StreamDefinition {
  const isLocked = before?.locked?.source !== undefined;
  const source = parsed(() => sourceAfter(settings.source, isLocked ? undefined : before?.source));
  const defaults = { ...NO_TEXTS, record: true, keepMs: undefined, ...visibilityOf(null, config) };
  const resting = { stopped: false, paused: false };
  const { source: _, ...patch } = settings;
  const stored = { healFrom: before?.healFrom };
  const { healFrom, ...defined } = patchStream(
    { ...identity, source, origin: 'api', ...defaults, ...resting, ...stored },
    { healFrom: null, ...patch },
    config,
  );
  return healFrom === undefined ? defined : { ...defined, healFrom };
}

/**
 * A definition with the changes of a patch.
 *
 * @throws OxbowError `bad-request`
 */
export function patchStream(definition: StreamDefinition, patch: StreamPatch, config: Config): StreamDefinition {
  const { title, description, record, keep, visibility, source, ladder, ladderStart, recordQualities } = patch;
  const { storage, alarms, watchRules, past, encryption, showRewound, peerDelivery, healFrom } = patch;
  return {
    ...definition,
    ...(title !== undefined && { title: title.trim() }),
    ...(description !== undefined && { description: description.trim() }),
    ...(record !== undefined && { record }),
    ...(keep !== undefined && { keepMs: keep === null ? undefined : parsed(() => parseDuration(keep)) }),
    ...(visibility !== undefined && visibilityOf(visibility, config)),
    ...(ladder !== undefined && { ladder: parsed(() => printLadder(parseLadder(ladder ?? ''))) || undefined }),
    ...(ladderStart !== undefined && { ladderStart: ladderStart === 'always' ? ladderStart : undefined }),
    ...(recordQualities !== undefined && { recordQualities: recordQualities || undefined }),
    ...(storage !== undefined && { storage: storageOf(storage, config) }),
    ...(alarms !== undefined && { alarms: parsed(() => checkAlarmRules(alarms ?? '')) || undefined }),
    ...(showRewound !== undefined && { showRewound: showRewound || undefined }),
    ...(peerDelivery !== undefined && { peerDelivery: peerDelivery || undefined }),
    ...(healFrom !== undefined && {
      healFrom: healFrom === null ? undefined : parsed(() => healFromAfter(healFrom, definition)),
    }),
    ...(definition.locked && unlock(definition, definition.locked, patch)),
    ...(watchRules !== undefined && { watchRules: parsed(() => readWatchRules(watchRules ?? {})) }),
    ...(past !== undefined && { past: parsed(() => readPastRules(past ?? {})) }),
    ...(encryption !== undefined && { encryption: encryption ?? undefined }),
    ...(source !== undefined && { source: parsed(() => patchSource(definition.source, source)) }),
  };
}

/**
 * What stays sealed by another key: not what is set again.
 *
 * @throws OxbowError `bad-request` for a change that leaves a passphrase, headers or a second address
 */
function unlock(
  { stopped, source: shown }: StreamDefinition,
  { source, healFrom, wasStopped }: LockedAddresses,
  patch: StreamPatch,
): Pick<StreamDefinition, 'locked' | 'stopped'> {
  const isSet = patch.source?.passphrase !== undefined || patch.source?.url !== undefined;
  if (source !== undefined && patch.source !== undefined && !isSet) {
    throw new OxbowError('bad-request', 'Another key has sealed the source: set `url` or `passphrase` again.');
  }
  if (source !== undefined && isSet && shown.type === 'pull') assertNoneLost(shown, patch);
  const left = {
    ...(source !== undefined && !isSet && { source }),
    ...(healFrom !== undefined && patch.healFrom === undefined && { healFrom }),
  };
  return {
    locked: Object.keys(left).length > 0 ? { ...left, wasStopped } : undefined,
    stopped: source !== undefined && isSet ? wasStopped : stopped,
  };
}

/**
 * A new address does not bring back what was sealed with the one before.
 *
 * @param shown the source without its secrets
 * @throws OxbowError `bad-request` if the source has headers, or a second address that is not set
 */
function assertNoneLost({ headers, backup }: PullSourceConfig, patch: StreamPatch): void {
  const names = Object.keys(headers);
  if (names.length > 0) {
    const text = `Another key has sealed the headers of the source (${names.join(', ')}): set all of it with PUT.`;
    throw new OxbowError('bad-request', text);
  }
  if (backup !== undefined && patch.source?.backup === undefined) {
    throw new OxbowError('bad-request', 'Another key has sealed `backup` of the source: set it too, or `null`.');
  }
}

/**
 * The definition of a stream of the configuration.
 *
 * @param before the stored definition, of a removed one too
 */
export function configuredStream(
  name: string,
  { keep, keys: _, ...settings }: StreamConfig,
  before: StreamDefinition | undefined,
  nowMs: number,
): StreamDefinition {
  const { id, createdUs } = before ?? { id: newStreamId(nowMs), createdUs: Math.round(nowMs * 1000) };
  // A stream that was stopped because it left the settings runs again when it is configured again.
  const stopped = before !== undefined && before.origin !== 'api' && wasStoppedByUser(before);
  const { paused = false, startMarkMs } = before ?? {};
  const kept = { paused, ...(startMarkMs !== undefined && { startMarkMs }) };
  return { ...settings, ...kept, id, name, keepMs: keep, createdUs, stopped };
}

/** Checks addresses; `***` is what is stored for one of the same place. @throws FormatError */
function healFromAfter(items: readonly string[], { healFrom = [] }: StreamDefinition): readonly string[] {
  return readHealFrom(withAllKeptSecrets(items, healFrom));
}

function wasStoppedByUser({ stopped, locked }: StreamDefinition): boolean {
  return locked?.source === undefined ? stopped : locked.wasStopped;
}

/** A unique id that sorts by creation. */
export function newStreamId(nowMs: number): string {
  return `${Math.floor(nowMs).toString(36)}-${randomBytes(6).toString('hex')}`;
}

function storageOf(storage: string | null, config: Config): string | undefined {
  if (storage === null || storage === '') return undefined;
  if (storage === LOCAL_STORAGE || Object.hasOwn(config.storage.targets, storage)) return storage;
  throw new OxbowError('bad-request', `storage.targets has no "${storage}".`);
}

function visibilityOf(visibility: StreamDefinition['visibility'] | null, config: Config) {
  return { visibility: visibility ?? defaultVisibility(config), visibilityIsSet: visibility !== null };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FormatError) throw new OxbowError('bad-request', sentenceOf(error), { cause: error });
    throw error;
  }
}
