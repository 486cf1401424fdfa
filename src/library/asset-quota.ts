/**
 * Bytes of originals, in total and by owner, against the quotas.
 * In: assets that begin, grow and leave. Out: refusals. In memory, so that two uploads at once cannot share
 * the last byte.
 */
import type { Current } from '../lib/current.ts';
import { OxbowError } from '../lib/errors.ts';
import { printSize } from '../lib/size.ts';

/** The settings that it reads at each use. */
export type QuotaSettings = Current<{
  readonly library: { readonly quota: number | undefined; readonly quotaPerOwner: number | undefined };
}>;

/** Counts bytes. */
export class AssetQuota {
  readonly #settings: QuotaSettings;
  readonly #byOwner = new Map<string, number>();
  #total = 0;

  constructor(settings: QuotaSettings) {
    this.#settings = settings;
  }

  /** Bytes of all originals. */
  get total(): number {
    return this.#total;
  }

  /** Bytes of the originals of an owner. */
  of(owner: string): number {
    return this.#byOwner.get(owner) ?? 0;
  }

  /** Counts again: other nodes have stored and deleted originals. */
  replace(owners: readonly { readonly owner: string; readonly bytes: number }[]): void {
    this.#byOwner.clear();
    this.#total = 0;
    for (const { owner, bytes } of owners) this.count(owner, bytes);
  }

  /** Counts bytes that are stored already, or with a negative number that are stored no longer. */
  count(owner: string, bytes: number): void {
    const ownerBytes = Math.max(0, this.of(owner) + bytes);
    if (ownerBytes === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, ownerBytes);
    this.#total = Math.max(0, this.#total + bytes);
  }

  /**
   * Counts bytes that will be stored.
   *
   * @throws OxbowError `quota-exceeded`; nothing is counted then
   */
  reserve(owner: string, bytes: number): void {
    const { quota, quotaPerOwner } = this.#settings.now.library;
    if (bytes > 0) {
      check(this.#total, bytes, quota, 'The library');
      check(this.of(owner), bytes, quotaPerOwner, 'This owner');
    }
    this.count(owner, bytes);
  }
}

function check(used: number, bytes: number, most: number | undefined, whose: string): void {
  if (most === undefined || used + bytes <= most) return;
  throw new OxbowError(
    'quota-exceeded',
    `${whose} has ${printSize(used)} of ${printSize(most)}; ${printSize(bytes)} more do not fit.`,
    { extra: { used, quota: most } },
  );
}
