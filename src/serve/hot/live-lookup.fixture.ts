/**
 * A live stream under the control of a test: media appears when the test adds it.
 * In: paths and texts. Out: LiveLookup.
 */
import type { LiveAddress } from '../../api/media-address.ts';
import type { LiveLookup } from '../../delivery/live/live-lookup.ts';
import type { PendingReply } from '../../delivery/live/pending-reply.ts';
import type { Reply } from '../../delivery/reply.ts';
import { textReply } from '../../http/fixture.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Emitter } from '../../lib/events.ts';

/** The stream `cam`. */
export class FakeLive implements LiveLookup {
  readonly #changes = new Emitter<void>();
  readonly #list = { version: 1, erasures: 0, changes: this.#changes };
  /** Segments by MSN. */
  readonly #segments = new Map<number, Reply>();
  #playlist = textReply('list 1', { etag: 'list-1' });
  #failure: Error | undefined;
  /** Lookups that the response cache did not answer. */
  looks = 0;
  /** Groups of waiting connections. */
  get waiting(): number {
    return this.#changes.size;
  }

  /** Adds a segment and notifies waiting requests. */
  add(msn: number, text: string, more: Partial<Reply> = {}): void {
    this.#segments.set(msn, textReply(text, { etag: `s${msn}`, ...more }));
    this.#changed();
  }

  /** Replaces the playlist. */
  change(text: string, more: Partial<Reply> = {}): void {
    this.#playlist = textReply(text, { etag: text.slice(0, 20).replaceAll(' ', '-'), ...more });
    this.#changed();
  }

  /** Fails all pending and future requests. */
  fail(failure: Error = new OxbowError('stream-offline', 'cam is not live now.')): void {
    this.#failure = failure;
    this.#changed();
  }

  isCurrent(name: string): boolean {
    return name === 'cam';
  }

  list(name: string) {
    return name === 'cam' ? this.#list : undefined;
  }

  find(address: LiveAddress, query: URLSearchParams): Reply | PendingReply | undefined {
    if (address.kind === 'init') return undefined;
    this.looks++;
    const msn =
      address.kind === 'segment' || address.kind === 'part' ? address.msn : Number(query.get('_HLS_msn') ?? 0);
    const look = (): Reply | undefined => {
      if (this.#failure) throw this.#failure;
      const reply = this.#segments.get(msn);
      return address.kind === 'playlist' ? reply && this.#playlist : reply;
    };
    if (address.kind === 'index') return this.#playlist;
    if (address.kind === 'playlist' && msn === 0) return this.#playlist;
    const late = () => new OxbowError('part-timeout', 'it did not come');
    if (address.kind === 'segment') return look();
    return look() ?? { key: `${address.kind} ${msn}`, changes: this.#changes, look, waitMs: 60_000, late };
  }

  /** Recently requested recorded segments, by MSN. */
  readonly known = new Map<number, string>();

  findRecorded(address: LiveAddress): Reply | undefined {
    const text = address.kind === 'segment' ? this.known.get(address.msn) : undefined;
    return text === undefined ? undefined : textReply(text);
  }

  #changed(): void {
    this.#list.version++;
    this.#changes.emit();
  }
}
