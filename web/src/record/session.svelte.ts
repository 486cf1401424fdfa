/**
 * The state of the record page: an address is probed, then a stream is created.
 * In: the fields of the page. Out: requests; the result, or a failure and its field.
 */
import type { ProbeView } from '../../../src/api/probe.ts';
import { readPastedAddress, type UnsupportedKind } from '../../../src/api/source/pasted-address.ts';
import { createStream, type Failure, failureOf, getStreams, probeSource } from '../api/client.ts';
import { navigation } from '../navigation/navigation.svelte.ts';
import { watchPath } from '../routes.ts';
import { fieldOf } from './problems.ts';
import { newStream, type RecordSettings, suggestSettings } from './record-settings.ts';

/** The step of the page. */
type Step = 'address' | 'looking' | 'found';

/** One visit to the page. */
export class RecordSession {
  /** The first-run guide passes one in the page's address. */
  url = $state(new URLSearchParams(location.search).get('url') ?? '');
  /** Fields of the form after the probe. */
  readonly settings = $state<RecordSettings>({ name: '', title: '', quality: 'best', keep: '', fromStart: false });
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
    return this.#failure ? fieldOf(this.#failure.code) : undefined;
  }

  /** The stream is being created. */
  get starting(): boolean {
    return this.#starting;
  }

  /** Duration of the probe so far. */
  get seconds(): number {
    return this.#seconds;
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
    try {
      const stream = newStream(this.settings, this.url, this.#view?.backS ?? 0);
      await createStream(stream, signal);
      navigation.go(watchPath(stream.name));
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
    Object.assign(this.settings, suggestSettings(view, this.url, this.#taken));
    this.#step = 'found';
  }
}
