/**
 * What happens on the record page: an address is looked at, then a stream is made of it.
 * In: the fields of the page. Out: requests; what was found, or what went wrong and where.
 */
import type { ProbeView } from '../../../src/api/probe.ts';
import { MAX_TITLE } from '../../../src/api/stream-texts.ts';
import { createStream, type Failure, failureOf, getStreams, probeSource } from '../api/client.ts';
import { watchPath } from '../routes.ts';
import { navigation } from '../shell/navigation.svelte.ts';
import { suggestName } from './names.ts';

/** What the page does now. */
export type Step = 'address' | 'looking' | 'found';

/** Failures after which the stream may be set up all the same: the source may be there later, or for the server alone. */
const MAY_COME: readonly string[] = ['source-failed', 'page-failed', 'address-refused', 'busy', 'not-ready'];

/** Which failure belongs to which field. */
const fieldOf: Readonly<Record<string, 'url' | 'name' | undefined>> = {
  'bad-source': 'url',
  'stream-exists': 'name',
  'managed-elsewhere': 'name',
  'bad-name': 'name',
};

/** One visit of the page. */
export class RecordSession {
  /** The first run's guide hands one over in the page's address. */
  url = $state(new URLSearchParams(location.search).get('url') ?? '');
  name = $state('');
  /** What viewers see instead of the name; may be empty. */
  title = $state('');
  quality = $state('best');
  /** A duration; empty: as the server keeps all. */
  keep = $state('');
  fromStart = $state(false);
  #step = $state<Step>('address');
  #found = $state.raw<ProbeView | null>(null);
  #failure = $state.raw<Failure | null>(null);
  #starting = $state(false);
  #seconds = $state(0);
  #taken: readonly string[] = [];
  #probe: AbortController | undefined;
  readonly #left = new AbortController();

  get step(): Step {
    return this.#step;
  }

  /** What the address is; null before it was looked at, and where it is recorded without a look. */
  get found(): ProbeView | null {
    return this.#found;
  }

  get failure(): Failure | null {
    return this.#failure;
  }

  /** Where the failure is shown; undefined: by itself. */
  get wrongField(): 'url' | 'name' | undefined {
    return this.#failure ? fieldOf[this.#failure.code] : undefined;
  }

  /** The stream is being made. */
  get starting(): boolean {
    return this.#starting;
  }

  /** How long the look has taken. */
  get seconds(): number {
    return this.#seconds;
  }

  get mayRecordAnyway(): boolean {
    return this.#step === 'address' && this.#failure !== null && MAY_COME.includes(this.#failure.code);
  }

  /** Looks at the address. */
  probe = async (): Promise<void> => {
    this.cancel();
    const probe = new AbortController();
    this.#probe = probe;
    const signal = AbortSignal.any([probe.signal, this.#left.signal]);
    this.#failure = null;
    this.#found = null;
    this.#step = 'looking';
    this.#seconds = 0;
    const timer = setInterval(() => (this.#seconds += 1), 1000);
    try {
      const [found, streams] = await Promise.all([probeSource(this.url.trim(), signal), getStreams(signal)]);
      this.#taken = streams.map(({ name }) => name);
      this.#found = found;
      this.#choose(found);
    } catch (error) {
      if (signal.aborted) return;
      this.#step = 'address';
      this.#failure = failureOf(error);
    } finally {
      clearInterval(timer);
    }
  };

  /** Goes on to the settings although nothing was found. */
  recordAnyway = (): void => {
    this.#failure = null;
    this.#choose(null);
  };

  /** Ends the look. */
  cancel = (): void => {
    this.#probe?.abort();
    if (this.#step === 'looking') this.#step = 'address';
  };

  /** Back to the address. */
  back = (): void => {
    this.#step = 'address';
    this.#failure = null;
  };

  /** Makes the stream, and shows it. */
  start = async (): Promise<void> => {
    if (this.#starting) return;
    this.#starting = true;
    this.#failure = null;
    const { signal } = this.#left;
    const backS = Math.floor(this.#found?.backS ?? 0);
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

  /** The page is left. */
  close(): void {
    this.#left.abort();
  }

  #choose(found: ProbeView | null): void {
    this.name = suggestName(found?.title ?? '', this.url, this.#taken);
    this.title = found?.title?.slice(0, MAX_TITLE) ?? '';
    this.quality = 'best';
    this.fromStart = false;
    this.#step = 'found';
  }
}
