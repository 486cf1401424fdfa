/**
 * One connection for the events of the library, shared by everything on the page that shows assets.
 * In: events of assets and their jobs. Out: a call for each, with the id of the asset; empty if any may have
 * changed.
 */
import { EventConnection, type ReceivedEvent } from '../api/event-connection.ts';

/** Called with the id of the asset that has changed; empty: some events were lost. */
type AssetListener = (assetId: string) => void;

class AssetEvents {
  readonly #listeners = new Set<AssetListener>();
  #connection: EventConnection | null = null;
  #ends: AbortController | null = null;

  /** Events arrive: infrequent requests are enough. */
  get isOn(): boolean {
    return this.#connection?.isOn ?? false;
  }

  /** Calls the listener until the returned function is called. */
  follow(listener: AssetListener): () => void {
    this.#listeners.add(listener);
    if (!this.#connection) {
      this.#ends = new AbortController();
      this.#connection = new EventConnection('types=asset.*,job.*', (event) => this.#came(event), this.#ends);
      void this.#connection.keep();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#ends?.abort();
      this.#connection = null;
    };
  }

  #came({ type, data }: ReceivedEvent): void {
    const assetId = assetOf(type, data);
    if (assetId !== undefined) for (const listener of [...this.#listeners]) listener(assetId);
  }
}

/** The asset that an event is about; empty for any, undefined for none. */
export function assetOf(type: string, data: unknown): string | undefined {
  if (type === 'events.reset') return '';
  const { id, subject } = data as { readonly id?: string; readonly subject?: string | null };
  return type.startsWith('asset.') ? id : type.startsWith('job.') ? (subject ?? undefined) : undefined;
}

/** The events of this page. */
export const assetEvents = new AssetEvents();
