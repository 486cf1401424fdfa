/**
 * The settings of a source: from the API, and with the defaults of `pull`.
 * In: a source of the API, settings. Out: a checked source; a source with defaults.
 */

import { FormatError } from '@oxbow/media/errors';
import type { PushSourcePatch, SourceSettings, StreamSource } from '../../api/shapes.ts';
import { headers } from '../../config/option.ts';
import { isSamePlace, KEPT, maskedAddress, withKeptSecrets } from '../../config/public-address.ts';
import type { AudioMode, Config, PullSourceConfig, SourceConfig } from '../../config/schema.ts';
import { sourceUrl } from '../../config/source-address.ts';
import {
  AWAY_LIMIT_MS,
  awayOf,
  printAudioOffset,
  readAudioOffset,
  readAwayLimit,
  readLatency,
  readLookBack,
  readQuality,
  readQualitySet,
  readUserAgent,
  srtOf,
} from '../../config/source-option.ts';
import { printDuration } from '../../lib/duration.ts';

const headerFields = headers('');

/**
 * Checks a source of the API.
 *
 * @throws FormatError for an invalid URL, quality, duration, User-Agent or header
 */
export function sourceOf(source: StreamSource): SourceConfig {
  if (source.type === 'test' || source.type === 'channel') return { type: source.type };
  const audioOffsetMs = readAudioOffset(source.audioOffset ?? '0');
  const { audio = 'auto' } = source;
  const sound = { ...(audioOffsetMs !== 0 && { audioOffsetMs }), ...(audio !== 'auto' && { audio }) };
  if (source.type === 'push') {
    const { onSecondPublisher = 'refuse', latency, passphrase = '', whileAway = 'nothing', awayLimit } = source;
    const { quality, qualities } = source;
    return {
      type: 'push',
      onSecondPublisher,
      ...picturesOf(quality, qualities),
      ...srtOf(latency === undefined ? undefined : readLatency(latency), passphrase),
      ...sound,
      ...awayOf(whileAway, limitOf(awayLimit)),
    };
  }
  const { url, backup, quality, qualities = 'best', from, userAgent } = source;
  const fromMs = from === undefined ? undefined : readLookBack(from);
  return {
    type: 'pull',
    url: sourceUrl(url),
    ...(backup !== undefined && backup !== '' && { backup: sourceUrl(backup) }),
    headers: headerFields.parse(source.headers ?? ''),
    ...(quality !== undefined && { quality: readQuality(quality) }),
    ...(qualities !== 'best' && { qualities: readQualitySet(qualities) }),
    ...(fromMs !== undefined && { fromMs }),
    ...(userAgent !== undefined && { userAgent: readUserAgent(userAgent) }),
    ...sound,
  };
}

/**
 * A source of the API in place of another one: `***` in its addresses and headers is what is stored.
 *
 * @throws FormatError if `***` is a secret of another place
 */
export function sourceAfter(source: StreamSource, before: SourceConfig | undefined): SourceConfig {
  if (source.type !== 'pull') return sourceOf(source);
  const old = before?.type === 'pull' ? before : undefined;
  const { url, backup, ...others } = source;
  const next = sourceOf({
    ...others,
    url: withKeptSecrets(url, old?.url),
    ...(backup !== undefined && { backup: withKeptSecrets(backup, old?.backup) }),
  }) as PullSourceConfig;
  const headers = Object.entries(next.headers).map(([name, value]) => {
    if (value !== KEPT) return [name, value] as const;
    const stored = old && staysAt(next, old) ? old.headers[name] : undefined;
    if (stored !== undefined) return [name, stored] as const;
    throw new FormatError(`*** is the stored value of the header "${name}" for the same host: write the value`, 0);
  });
  return { ...next, headers: Object.fromEntries(headers) };
}

/** Whether headers of a source are sent to no other place than before: its backup gets them too. */
function staysAt(next: Pick<PullSourceConfig, 'url' | 'backup'>, old: PullSourceConfig): boolean {
  const places = [old.url, old.backup ?? old.url];
  return [next.url, next.backup ?? next.url].every((url) => places.some((place) => isSamePlace(url, place)));
}

/** A pulled source with other addresses. @throws FormatError for other changes */
function patchPull(source: PullSourceConfig, { url, backup, ...others }: PushSourcePatch): PullSourceConfig {
  const [other] = Object.keys(others);
  if (other !== undefined)
    throw new FormatError(`\`${other}\` can be changed for streams of source type \`push\` only`, 0);
  const { backup: oldBackup, ...rest } = source;
  const nextUrl = url === undefined ? source.url : sourceUrl(withKeptSecrets(url, source.url));
  const nextBackup = backup === undefined ? oldBackup : backup && sourceUrl(withKeptSecrets(backup, oldBackup));
  const next = { ...rest, url: nextUrl, ...(nextBackup && { backup: nextBackup }) };
  if (Object.keys(source.headers).length > 0 && !staysAt(next, source)) {
    throw new FormatError('the source has headers, which are not sent to another host: set all of it with PUT', 0);
  }
  return next;
}

/**
 * A source with the changes of a patch.
 *
 * @throws FormatError for what the type of the source does not have, and for an invalid address, duration or
 *   passphrase
 */
export function patchSource(source: SourceConfig, patch: PushSourcePatch): SourceConfig {
  if (source.type === 'pull') return patchPull(source, patch);
  if (source.type !== 'push')
    throw new FormatError('`source` can be changed for streams of source type `push` and `pull` only', 0);
  if (patch.url !== undefined || patch.backup !== undefined)
    throw new FormatError('`url` and `backup` can be changed for streams of source type `pull` only', 0);
  const { audio: current = 'auto', audioOffsetMs, latencyMs, passphrase, whileAway, awayLimitMs, ...others } = source;
  const { quality, qualities, ...rest } = others;
  const audio = patch.audio === undefined ? current : (patch.audio ?? 'auto');
  const offsetMs = patch.audioOffset === undefined ? audioOffsetMs : readAudioOffset(patch.audioOffset ?? '0');
  const changedMs = patch.latency === undefined ? latencyMs : readLatency(patch.latency ?? '');
  const secret = patch.passphrase === undefined ? passphrase : (patch.passphrase ?? undefined);
  return {
    ...rest,
    ...picturesOf(
      patch.quality === undefined ? quality : patch.quality,
      patch.qualities === undefined ? qualities : patch.qualities,
    ),
    ...(patch.onSecondPublisher !== undefined && { onSecondPublisher: patch.onSecondPublisher ?? 'refuse' }),
    ...awayOf(
      patch.whileAway === undefined ? (whileAway ?? 'nothing') : (patch.whileAway ?? 'nothing'),
      patch.awayLimit === undefined ? (awayLimitMs ?? AWAY_LIMIT_MS) : limitOf(patch.awayLimit),
    ),
    ...srtOf(changedMs, secret ?? ''),
    ...(offsetMs !== undefined && offsetMs !== 0 && { audioOffsetMs: offsetMs }),
    ...(audio !== 'auto' && { audio }),
  };
}

function limitOf(awayLimit: string | null | undefined): number {
  return awayLimit === undefined || awayLimit === null ? AWAY_LIMIT_MS : readAwayLimit(awayLimit);
}

/** Which of several pictures is that of the stream, and which are qualities; none for the defaults. */
function picturesOf(quality: string | null | undefined, qualities: string | null | undefined) {
  return {
    ...(quality && { quality: readQuality(quality) }),
    ...(qualities && { qualities: readQualitySet(qualities) }),
  };
}

/** The settings of a source for administrators. */
export function sourceSettingsOf(source: SourceConfig): SourceSettings {
  const push = source.type === 'push' ? source : undefined;
  const pull = source.type === 'pull' ? source : undefined;
  return {
    type: source.type,
    audioOffset: printAudioOffset('audioOffsetMs' in source ? (source.audioOffsetMs ?? 0) : 0),
    audio: audioModeOf(source),
    onSecondPublisher: push?.onSecondPublisher ?? null,
    quality: push?.quality ?? null,
    qualities: push?.qualities ?? null,
    whileAway: push ? (push.whileAway ?? 'nothing') : null,
    awayLimit: push ? printDuration(push.awayLimitMs ?? AWAY_LIMIT_MS) : null,
    latency: push?.latencyMs === undefined ? null : printDuration(push.latencyMs),
    address: pull ? maskedAddress(pull.url) : null,
    backup: pull?.backup === undefined ? null : maskedAddress(pull.backup),
    hasPassphrase: push?.passphrase !== undefined,
  };
}

/** Which audio of a source is converted to AAC. */
export function audioModeOf(source: SourceConfig): AudioMode {
  if (source.type === 'test' || source.type === 'channel') return 'keep';
  return source.audio ?? 'auto';
}

/** A pulled source with the defaults of the settings. */
export function withDefaults(source: PullSourceConfig, { pull }: Pick<Config, 'pull'>): PullSourceConfig {
  return {
    quality: pull.quality,
    userAgent: pull.userAgent,
    ...(pull.from !== undefined && { fromMs: pull.from }),
    ...source,
  };
}
