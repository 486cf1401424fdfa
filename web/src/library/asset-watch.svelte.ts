/**
 * One asset, requested again when events say that it or one of its jobs has changed.
 * In: its id. Out: AssetPage.svelte, rows of the upload page, which read it.
 */
import { type AssetView, getAsset } from '../api/assets.ts';
import { type Failure, failureOf } from '../api/client.ts';
import { pause, poll } from '../api/poll.ts';
import { assetEvents } from './asset-events.ts';
import { isProcessing } from './asset-text.ts';

/** Interval while it is uploaded or processed and no events arrive, ms. */
const BUSY_MS = 1_500;
/** Interval otherwise, ms. */
const SELDOM_MS = 30_000;
/** Events within this time cause one request, ms. */
const TOGETHER_MS = 300;

/** One asset; `close` with its page. */
export class AssetWatch {
  readonly id: string;
  #asset = $state.raw<AssetView | null>(null);
  #failure = $state.raw<Failure | null>(null);
  readonly #ends = new AbortController();
  #leave: (() => void) | null = null;
  #isDue = false;
  #askedAtMs = 0;

  constructor(id: string) {
    this.id = id;
  }

  /** Null before the first response. */
  get asset(): AssetView | null {
    return this.#asset;
  }

  /** Why the last request failed. */
  get failure(): Failure | null {
    return this.#failure;
  }

  /** Follows it until `close`. */
  open(): void {
    this.#leave = assetEvents.follow((id) => void this.#came(id));
    void poll(BUSY_MS, () => this.#look(), this.#ends);
  }

  close(): void {
    this.#ends.abort();
    this.#leave?.();
  }

  /** Shows what a change returned, without waiting for the event. */
  changed(asset: AssetView): void {
    this.#asset = asset;
  }

  /** Requests it now. */
  async again(): Promise<void> {
    const { signal } = this.#ends;
    this.#askedAtMs = Date.now();
    try {
      this.#asset = await getAsset(this.id, signal);
      this.#failure = null;
    } catch (error) {
      if (!signal.aborted) this.#failure = failureOf(error);
    }
  }

  async #look(): Promise<void> {
    if (document.hidden && this.#asset !== null) return;
    const isBusy = this.#asset === null || this.#asset.state === 'uploading' || isProcessing(this.#asset);
    const everyMs = isBusy && !assetEvents.isOn ? BUSY_MS : SELDOM_MS;
    if (Date.now() - this.#askedAtMs >= everyMs) await this.again();
  }

  async #came(id: string): Promise<void> {
    if ((id !== '' && id !== this.id) || this.#isDue) return;
    this.#isDue = true;
    await pause(TOGETHER_MS, this.#ends.signal);
    this.#isDue = false;
    if (!this.#ends.signal.aborted) await this.again();
  }
}
