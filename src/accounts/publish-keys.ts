/**
 * Stream keys: secrets `ok_…` with which encoders publish. Created, listed, rotated and revoked by an
 * administrator, shown once. A key is for one stream, or for all streams whose names begin with a prefix.
 * In: secrets of publishers and their addresses. Out: keys, or why one is not accepted. Only the digest of a
 * secret is stored.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { OxbowError } from '../lib/errors.ts';
import { Emitter, type Subscribable } from '../lib/events.ts';
import { isInRanges } from '../net/address.ts';
import { createSecret, digestOf } from './random-secret.ts';
import { type Rows, type SecretRow, SecretTable } from './secret-table.ts';

/** The streams of a key. */
export type PublishScope =
  /** One stream, by its internal id. */
  | { readonly type: 'stream'; readonly streamId: string }
  /**
   * Streams whose names begin with `prefix`, which may be empty. They are created on first publish, up to
   * `maxStreams`.
   */
  | { readonly type: 'prefix'; readonly prefix: string; readonly maxStreams: number };

/** The fields that an administrator sets. */
export interface PublishKeySettings {
  readonly scope: PublishScope;
  /** Purpose of the key; may be empty. */
  readonly label: string;
  /** Ranges of addresses from which it is accepted, as `10.0.0.0/8`; empty: from everywhere. */
  readonly allow: readonly string[];
  /** Ms since 1970; undefined: it does not expire. */
  readonly expiresMs: number | undefined;
}

/** A key, without its secret. */
export interface PublishKey extends SecretRow, PublishKeySettings {
  readonly createdMs: number;
  /** Last time a publisher was accepted, to the minute; undefined: never. */
  readonly usedMs: number | undefined;
}

/** A key that was created, with its secret. */
interface CreatedKey {
  readonly key: PublishKey;
  readonly secret: string;
}

/** Why a secret is not accepted. */
type KeyRefusal = 'unknown' | 'expired' | 'address';

/** How a key begins, so that people and scanners recognize it. */
const KEY_START = 'ok_';
/** Most keys of one stream, and most keys for prefixes; expired ones are deleted first. */
const MAX_KEYS = 100;
/** Most keys of all streams. */
const MAX_ALL = 10_000;
/** The last use is stored at most this often, ms. */
const USED_EACH_MS = 60_000;

/** All stream keys. */
export class PublishKeys {
  readonly #table: SecretTable<PublishKey>;
  readonly #clock: Clock;
  readonly #revoked = new Emitter<string>();

  private constructor(table: SecretTable<PublishKey>, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
    table.lost.subscribe((id) => this.#revoked.emit(id));
  }

  /** Reads the stored keys. */
  static async open(rows: Rows<PublishKey>, clock: Clock): Promise<PublishKeys> {
    return new PublishKeys(await SecretTable.open(rows), clock);
  }

  /** Keys of one stream, oldest first, including expired ones. */
  ofStream(streamId: string): readonly PublishKey[] {
    return this.#sorted(({ scope }) => scope.type === 'stream' && scope.streamId === streamId);
  }

  /** Keys for prefixes, oldest first, including expired ones. */
  get ofPrefixes(): readonly PublishKey[] {
    return this.#sorted(({ scope }) => scope.type === 'prefix');
  }

  /** Emits the id of each key that is revoked. */
  get revoked(): Subscribable<string> {
    return this.#revoked;
  }

  /**
   * Creates a key. The secret is returned only here.
   *
   * @throws OxbowError `limit-reached`
   */
  async create(settings: PublishKeySettings): Promise<CreatedKey> {
    await this.#makeRoom(settings.scope);
    const secret = `${KEY_START}${createSecret()}`;
    const key: PublishKey = {
      id: createSecret(9),
      digest: digestOf(secret),
      createdMs: this.#clock.nowMs(),
      usedMs: undefined,
      ...settings,
    };
    await this.#table.put(key);
    return { key, secret };
  }

  /**
   * Creates a key with the settings of another one, which then expires.
   *
   * @param options.overlapMs how long the old key stays valid, if it does not expire sooner
   * @param options.expiresMs expiry of the new key, ms since 1970; default: that of the old one
   * @throws OxbowError `key-unknown` if it is unknown or has expired, `limit-reached`
   */
  async rotate(
    id: string,
    { overlapMs, expiresMs }: { readonly overlapMs: number; readonly expiresMs?: number | undefined },
  ): Promise<CreatedKey> {
    const old = this.get(id);
    if (!old || this.#hasExpired(old)) throw keyUnknown(id);
    const { scope, label, allow } = old;
    const created = await this.create({ scope, label, allow, expiresMs: expiresMs ?? old.expiresMs });
    const untilMs = this.#clock.nowMs() + overlapMs;
    const now = this.get(id); // it may have been used meanwhile
    if (now) await this.#table.change({ ...now, expiresMs: Math.min(now.expiresMs ?? untilMs, untilMs) });
    return created;
  }

  /** A key by its id. */
  get(id: string): PublishKey | undefined {
    return this.#table.all.find((key) => key.id === id);
  }

  /**
   * The key of a secret, or why it is not accepted.
   *
   * @param address IP address of the publisher
   */
  check(secret: string, address: string): PublishKey | KeyRefusal {
    if (!secret.startsWith(KEY_START)) return 'unknown';
    const key = this.#table.find(secret);
    // The table looks digests up; only this comparison decides, in constant time.
    if (!key || !timingSafeEqual(Buffer.from(key.digest), Buffer.from(digestOf(secret)))) return 'unknown';
    if (this.#hasExpired(key)) return 'expired';
    return key.allow.length === 0 || isInRanges(address, key.allow) ? key : 'address';
  }

  /** A publisher with this key was accepted. Resolves when that is stored. */
  async used(id: string): Promise<void> {
    const key = this.get(id);
    const nowMs = this.#clock.nowMs();
    if (key && nowMs - (key.usedMs ?? Number.NEGATIVE_INFINITY) >= USED_EACH_MS)
      await this.#table.change({ ...key, usedMs: nowMs });
  }

  /** Revokes a key at once; false for an unknown id. */
  async remove(id: string): Promise<boolean> {
    const removing = this.#table.remove(id); // the table forgets it synchronously
    this.#revoked.emit(id);
    return removing;
  }

  /** Revokes all keys of a stream. */
  async removeStream(streamId: string): Promise<void> {
    for (const { id } of this.ofStream(streamId)) await this.remove(id);
  }

  async #makeRoom(scope: PublishScope): Promise<void> {
    const beside = scope.type === 'stream' ? this.ofStream(scope.streamId) : this.ofPrefixes;
    const expired = beside.find((key) => this.#hasExpired(key));
    if (beside.length >= MAX_KEYS && expired) await this.#table.remove(expired.id);
    else if (beside.length >= MAX_KEYS) throw limitReached(`There are ${MAX_KEYS} keys already.`);
    if (this.#table.all.length >= MAX_ALL) throw limitReached(`There are ${MAX_ALL} stream keys already.`);
  }

  #sorted(matches: (key: PublishKey) => boolean): readonly PublishKey[] {
    return this.#table.all.filter(matches).sort((a, b) => a.createdMs - b.createdMs);
  }

  #hasExpired({ expiresMs }: PublishKey): boolean {
    return expiresMs !== undefined && this.#clock.nowMs() >= expiresMs;
  }
}

/** The error for a key that does not exist. */
export function keyUnknown(id: string): OxbowError {
  return new OxbowError('key-unknown', `There is no stream key with the id "${id.slice(0, 80)}".`);
}

function limitReached(detail: string): OxbowError {
  return new OxbowError('limit-reached', detail);
}
