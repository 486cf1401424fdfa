/**
 * The definition of a stream: name, source, recording and visibility.
 * In: command line, configuration, API. Out: ManagedStream. Pure.
 */
import { listsInForce } from '../accounts/watch-rules/rules-view.ts';
import type { WatchRuleLists } from '../api/access/watch-rules-shapes.ts';
import type { MarkedRules, PastRules } from '../api/past/past-rules.ts';
import type { SourceConfig, StreamEncryption, StreamOrigin, Visibility } from '../config/schema.ts';
import { OxbowError } from '../lib/errors.ts';
import { shownUrl } from '../net/net.ts';
import type { LockedTexts } from '../store/sealed/sealed-columns.ts';

/** The settings of the further qualities of a stream; an absent one has its default. */
export interface QualitySettings {
  /** What is encoded of the live stream, as `parseLadder` reads it; absent: nothing. */
  readonly ladder?: string | undefined;
  /** When the encoder runs; absent: while there are viewers. */
  readonly ladderStart?: 'always' | undefined;
  /** Whether the further qualities are recorded too; absent: no. */
  readonly recordQualities?: true | undefined;
}

/** Sealed addresses that this server cannot open. Without its source a stream is stopped. */
export interface LockedAddresses extends LockedTexts {
  /** Whether a user stopped the stream. */
  readonly wasStopped: boolean;
}

/** The settings of a stream, and its identity. */
export interface StreamDefinition extends QualitySettings {
  /** Internal; never changes, unlike the name. */
  readonly id: string;
  readonly name: string;
  readonly source: SourceConfig;
  readonly origin: StreamOrigin | 'api';
  /** For viewers; if empty, the name is shown. */
  readonly title: string;
  /** For viewers; may be empty. */
  readonly description: string;
  readonly record: boolean;
  /**
   * Addresses of relay targets of the configuration, with their secrets; those of the API are in the store.
   */
  readonly relays?: readonly string[] | undefined;
  /** Milliseconds; undefined means the setting `record.keep`. */
  readonly keepMs: number | undefined;
  /** Object store of its recordings, or `local`; absent: the setting `storage.target`. */
  readonly storage?: string | undefined;
  /** Changes of the rules of alarms, see api/alarms/alarm-rules; absent: none. */
  readonly alarms?: string | undefined;
  /** Whether viewers see which parts of its past were watched most; absent: no. */
  readonly showRewound?: true | undefined;
  /** Whether viewers may give its segments to each other; absent: no. */
  readonly peerDelivery?: true | undefined;
  /**
   * Where gaps of its recording are filled from, besides its source, with secrets; `off` among them: its gaps
   * are not filled. Absent: nowhere else.
   */
  readonly healFrom?: readonly string[] | undefined;
  /** Who may watch by network and country; absent: the setting `watchRules`. */
  readonly watchRules?: WatchRuleLists | undefined;
  /** The broadcaster's rules for the past; absent: none. */
  readonly past?: PastRules | undefined;
  /** The last start mark, ms since 1970; absent: none is set. */
  readonly startMarkMs?: number | undefined;
  /** How its segments are encrypted; absent: the setting `encryption.streams`. */
  readonly encryption?: StreamEncryption | undefined;
  readonly visibility: Visibility;
  /** True if it was configured, false if it is the default. */
  readonly visibilityIsSet: boolean;
  /** µs since 1970. */
  readonly createdUs: number;
  /** Stopped by a user until it is started again. */
  readonly stopped: boolean;
  /** What another key has sealed of its addresses, until they are set again; absent: nothing. */
  readonly locked?: LockedAddresses | undefined;
  /** Paused by a user until it is resumed: publishers stay connected, their media is dropped. */
  readonly paused: boolean;
}

/**
 * The rules by network and country of a stream; undefined if there are none, or no stream.
 *
 * @param byDefault the setting `watchRules`
 */
export function rulesInForce(
  definition: Pick<StreamDefinition, 'watchRules'> | undefined,
  byDefault: WatchRuleLists,
): WatchRuleLists | undefined {
  // A name without a stream must not differ from a private stream.
  if (!definition) return undefined;
  return listsInForce(definition.watchRules, byDefault);
}

const marked = new WeakMap<Pick<StreamDefinition, 'past'>, MarkedRules>();

/** The rules for the past with the start mark; the same object while the definition is the same. */
export function pastRulesInForce(
  definition: Pick<StreamDefinition, 'past' | 'startMarkMs'> | undefined,
): MarkedRules | undefined {
  if (!definition?.past) return undefined;
  const known = marked.get(definition);
  if (known) return known;
  const rules = { ...definition.past, markMs: definition.startMarkMs };
  marked.set(definition, rules);
  return rules;
}

/** The settings of the further qualities of a stream that are set. */
export function qualitySettingsOf({ ladder, ladderStart, recordQualities }: QualitySettings): QualitySettings {
  return {
    ...(ladder && { ladder }),
    ...(ladderStart && { ladderStart }),
    ...(recordQualities && { recordQualities }),
  };
}

/**
 * Fields of log lines about the source: the stream, and the address without user, password, query and
 * fragment.
 */
export function sourceFields({ name, source }: Pick<StreamDefinition, 'name' | 'source'>): {
  readonly stream: string;
  readonly url?: string;
} {
  const url = source.type === 'pull' ? URL.parse(source.url) : null;
  return { stream: name, ...(url && { url: shownUrl(url) }) };
}

/** Whether the publisher can continue. The settings of a push source only concern the next publisher. */
export function isSameSource(a: SourceConfig, b: SourceConfig): boolean {
  return a.type === 'push' ? b.type === 'push' : JSON.stringify(a) === JSON.stringify(b);
}

const places = {
  'command-line': 'on the command line',
  configuration: 'in the configuration',
  sample: 'as the sample stream',
};

/** Throws `managed-elsewhere` unless the API may change the stream. */
export function assertManagedHere({ name, origin }: Pick<StreamDefinition, 'name' | 'origin'>): void {
  if (origin === 'api') return;
  throw new OxbowError('managed-elsewhere', `${name} is defined ${places[origin]}.`);
}
