/**
 * Makes hls.js load playlists from a splicer instead of the server.
 * In: a splicer. Out: a class for the setting `pLoader` of hls.js.
 */
import type {
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderStats,
  PlaylistLoaderConstructor,
  PlaylistLoaderContext,
} from 'hls.js';
import { currentAddress } from '../../api/server.ts';
import { type FetchText, ListError, type Splicer } from './splicer.ts';

/** hls.js requests a playlist again after this time, milliseconds. */
const LIST_WITHIN_MS = 10_000;

/** Loads a playlist with `fetch`. Throws ListError; aborts with `signal`. */
export const fetchText: FetchText = async (url, headers, signal) => {
  let response: Response;
  let text: string;
  try {
    response = await fetch(currentAddress(url), { headers, signal });
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    throw new ListError(0, '', { cause: error });
  }
  if (!response.ok) throw new ListError(response.status, text);
  return text;
};

function createStats(): LoaderStats {
  return {
    aborted: false,
    loaded: 0,
    retry: 0,
    total: 0,
    chunkCount: 0,
    bwEstimate: 0,
    loading: { start: 0, first: 0, end: 0 },
    parsing: { start: 0, end: 0 },
    buffering: { start: 0, first: 0, end: 0 },
  };
}

/** The loader class; hls.js creates one instance for each request. */
export function splicingLoader(splicer: Splicer): PlaylistLoaderConstructor {
  return class SplicingLoader {
    readonly stats = createStats();
    context: PlaylistLoaderContext | null = null;
    readonly #ends = new AbortController();

    load(
      context: PlaylistLoaderContext,
      _config: LoaderConfiguration,
      callbacks: LoaderCallbacks<PlaylistLoaderContext>,
    ): void {
      this.context = context;
      this.stats.loading.start = performance.now();
      const signal = AbortSignal.any([this.#ends.signal, AbortSignal.timeout(LIST_WITHIN_MS)]);
      this.#text(context, signal).then(
        ({ url, text }) => {
          if (this.#ends.signal.aborted) return;
          const { stats } = this;
          stats.loading.first = stats.loading.end = performance.now();
          stats.loaded = stats.total = text.length;
          callbacks.onSuccess({ url, data: text, code: 200 }, stats, context, null);
        },
        (error: unknown) => {
          if (this.#ends.signal.aborted) return;
          if (!(error instanceof ListError)) {
            if (!signal.aborted) throw error;
            callbacks.onTimeout(this.stats, context, null);
            return;
          }
          callbacks.onError({ code: error.status, text: error.body }, context, null, this.stats);
        },
      );
    }

    async #text(context: PlaylistLoaderContext, signal: AbortSignal) {
      const headers = context.headers ?? {};
      if (context.type === 'manifest') return splicer.index(location.href, headers, signal);
      return { url: context.url, text: await splicer.list(context.url, headers, signal) };
    }

    abort(): void {
      this.stats.aborted = true;
      this.#ends.abort();
    }

    destroy(): void {
      this.#ends.abort();
    }
  } as unknown as PlaylistLoaderConstructor;
}
