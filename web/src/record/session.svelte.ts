/**
 * The state of the record page: an address is probed, then a stream is created.
 * In: the fields of the page. Out: requests; the result, or a failure and its field.
 */
import type { ProbeView } from '../../../src/api/probe.ts';
import { readPastedAddress, type UnsupportedKind } from '../../../src/api/source/pasted-address.ts';
import { suggestName } from '../../../src/api/source/suggested-name.ts';
import { MAX_TITLE } from '../../../src/api/stream/stream-texts.ts';
import { createStream, type Failure, failureOf, getStreams, probeSource } from '../api/client.ts';
import { navigation } from '../navigation/navigation.svelte.ts';
import { watchPath } from '../routes.ts';

/** The step of the page. */
type Step = 'address' | 'looking' | 'found';

/**
 * Failures after which the stream may still be created: the source may be available later, or only to the
 * server.
 */
const MAY_COME: readonly string[] = ['source-failed', 'page-failed', 'address-refused', 'busy', 'not-ready'];

/** The field of each failure. */
const fieldOf: Readonly<Record<string, 'url' | 'name' | undefined>> = {
  'bad-source': 'url',
  'stream-exists': 'name',
  'managed-elsewhere': 'name',
  'bad-name': 'name',
};

/** One visit to the page. */
export class RecordSession {
  /** The first-run guide passes one in the page's address. */
  url = $state(new URLSearchParams(location.search).get('url') ?? '');
  name = $state('');
  /** Shown to viewers instead of the name; may be empty. */
  title = $state('');
  quality = $state('best');
  /** A duration; empty: the server's default. */
  keep = $state('');
  fromStart = $state(false);
  #step = $state<Step>('address');
  #view = $state.raw<ProbeView | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #unsupported = $state<{ readonly kind: UnsupportedKind; readonly scheme: string } | null>(null);
  #starting = $state(false);
  #seconds = $state(0);
  #taken: readonly string[] = [];
  #probe: AbortController | undefined;
  readonly #left = new AbortController();

  get step(): Step {
    return this.#step;
  }

  /** The result of the probe; null before it, and for a stream that is recorded without one. */
  get found(): ProbeView | null {
    return this.#view;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  /** The kind of an address that oxbow cannot pull; null for others. */
  get unsupported(): { readonly kind: UnsupportedKind; readonly scheme: string } | null {
    return this.#unsupported;
  }

  /** The field that shows the failure; undefined: none. */
  get wrongField(): 'url' | 'name' | undefined {
    if (this.#unsupported) return 'url';
    return this.#failure ? fieldOf[this.#failure.code] : undefined;
  }

  /** The stream is being created. */
  get starting(): boolean {
    return this.#starting;
  }

  /** Duration of the probe so far. */
  get seconds(): number {
    return this.#seconds;
  }

  get mayRecordAnyway(): boolean {
    return this.#step === 'address' && this.#failure !== null && MAY_COME.includes(this.#failure.code);
  }

  /** Probes the address, or says that oxbow cannot pull such an address. */
  probe = async (): Promise<void> => {
    this.cancel();
    this.#failure = null;
    this.#unsupported = null;
    const read = readPastedAddress(this.url);
    if ('unsupported' in read) {
      this.#unsupported = { kind: read.unsupported, scheme: read.scheme };
      return;
    }
    this.url = read.url;
    const probe = new AbortController();
    this.#probe = probe;
    const signal = AbortSignal.any([probe.signal, this.#left.signal]);
    this.#view = null;
    this.#step = 'looking';
    this.#seconds = 0;
    const timer = setInterval(() => (this.#seconds += 1), 1000);
    try {
      const [view, streams] = await Promise.all([probeSource(this.url.trim(), signal), getStreams(signal)]);
      this.#taken = streams.map(({ name }) => name);
      this.#view = view;
      this.#choose(view);
    } catch (error) {
      if (signal.aborted) return;
      this.#step = 'address';
      this.#failure = failureOf(error);
    } finally {
      clearInterval(timer);
    }
  };

  /** Continues to the settings without a probe. */
  recordAnyway = (): void => {
    this.#failure = null;
    this.#choose(null);
  };

  /** Cancels the probe. */
  cancel = (): void => {
    this.#probe?.abort();
    if (this.#step === 'looking') this.#step = 'address';
  };

  /** Back to the address. */
  back = (): void => {
    this.#step = 'address';
    this.#failure = null;
  };

  /** Creates the stream, and opens its page. */
  start = async (): Promise<void> => {
    if (this.#starting) return;
    this.#starting = true;
    this.#failure = null;
    const { signal } = this.#left;
    const backS = Math.floor(this.#view?.backS ?? 0);
    try {
      const name = this.name.trim();
      const source = {
        type: 'pull' as const,
        url: this.url.trim(),
        ...(this.quality !== 'best' && { quality: this.quality }),
        ...(this.fromStart && backS > 0 && { from: `${backS}s` }),
      };
      const title = this.title.trim();
      const settings = { ...(title !== '' && { title }), ...(this.keep !== '' && { keep: this.keep }) };
      await createStream({ name, source, ...settings }, signal);
      navigation.go(watchPath(name));
    } catch (error) {
      if (!signal.aborted) this.#failure = failureOf(error);
    } finally {
      this.#starting = false;
    }
  };

  /** The page is closed. */
  close(): void {
    this.#left.abort();
  }

  #choose(view: ProbeView | null): void {
    this.name = suggestName(view?.title ?? '', this.url, this.#taken);
    this.title = view?.title?.slice(0, MAX_TITLE) ?? '';
    this.quality = 'best';
    this.fromStart = false;
    this.#step = 'found';
  }
}
