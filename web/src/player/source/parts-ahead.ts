/**
 * Requests the next parts of a live playlist while hls.js waits for one. hls.js requests them one after the
 * other: where an answer takes about as long as a part lasts, a picture that is late would stay late.
 * In: requests of hls.js, the parts that its playlist lists. Out: a class for the setting `fLoader` of
 * hls.js.
 */
import type {
  FragmentLoaderConstructor,
  FragmentLoaderContext,
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  Part,
} from 'hls.js';

/**
 * Requests for parts at a time, besides the one that hls.js waits for: browsers open six connections to a
 * server without HTTP/2.
 */
export const MOST_AHEAD = 4;

type Callbacks = LoaderCallbacks<FragmentLoaderContext>;
type Answer = Parameters<Callbacks['onSuccess']>;

/** A request that hls.js has not made yet. */
interface Early {
  readonly loader: Loader<FragmentLoaderContext>;
  /** Null: it failed, and hls.js makes it itself. */
  readonly answer: Promise<Answer | null>;
}

/**
 * Creates the loader class of one source.
 *
 * @param listed the parts of the playlist, oldest first
 */
export function partsAhead(listed: () => readonly Part[] | null | undefined): FragmentLoaderConstructor {
  /** By address. */
  const underWay = new Map<string, Early>();

  const nextOf = ({ part, url }: FragmentLoaderContext): readonly Part[] => {
    const parts = listed() ?? [];
    const at = parts.findIndex((listedPart) => listedPart.url === part?.url);
    return at < 0 || !url.startsWith(parts[at]!.url) ? [] : parts.slice(at + 1, at + 1 + MOST_AHEAD);
  };

  const request = (hls: HlsConfig, context: FragmentLoaderContext, config: LoaderConfiguration): Early => {
    const loader = new hls.loader(hls) as Loader<FragmentLoaderContext>;
    const answer = new Promise<Answer | null>((resolve) => {
      const onError = () => resolve(null);
      loader.load(context, { ...config }, { onSuccess: (...got) => resolve(got), onError, onTimeout: onError });
    });
    return { loader, answer };
  };

  /** Requests the parts that follow one, and gives up all others. */
  const requestNext = (hls: HlsConfig, context?: FragmentLoaderContext, config?: LoaderConfiguration) => {
    // CMCD may be in the query, where it is the same for each part.
    const query = context?.url.slice(context.part?.url.length);
    const next = new Map(context && nextOf(context).map((part) => [part.url + query, part]));
    for (const [url, { loader }] of underWay) {
      if (next.has(url)) continue;
      underWay.delete(url);
      loader.destroy();
    }
    for (const [url, part] of next) {
      if (!underWay.has(url)) underWay.set(url, request(hls, { ...context!, frag: part.fragment, part, url }, config!));
    }
  };

  /** hls.js calls it with `new`, once for each request. */
  function openLoader(hls: HlsConfig): Loader<FragmentLoaderContext> {
    const loader = new hls.loader(hls) as Loader<FragmentLoaderContext>;
    const { stats } = loader;
    const { loading } = stats;
    /** What it waits for, and how that is ended. */
    let waitsFor: Early | undefined;
    let aborted = () => {};
    const end = () => {
      waitsFor?.loader.destroy();
      waitsFor = undefined;
    };
    return {
      stats,
      context: null,
      load(context, config, callbacks) {
        const early = underWay.get(context.url);
        underWay.delete(context.url);
        const load = () => loader.load(context, config, callbacks);
        if (!early) load();
        requestNext(hls, context, config);
        if (!early) return;
        waitsFor = early;
        aborted = () => callbacks.onAbort?.(stats, context, null);
        // The bandwidth is what has arrived since the part before, not what each of several requests had of
        // it.
        const startMs = performance.now();
        early.answer.then((answer) => {
          if (!waitsFor) return;
          waitsFor = undefined;
          if (!answer) {
            load();
            return;
          }
          const [response, { loading: took, loaded }, , details] = answer;
          loading.start = Math.min(took.end, startMs);
          loading.first = Math.max(loading.start, took.first);
          loading.end = took.end;
          stats.loaded = stats.total = loaded;
          callbacks.onSuccess(response, stats, context, details);
        });
      },
      abort() {
        requestNext(hls);
        stats.aborted = true;
        if (waitsFor) aborted();
        else loader.abort();
        end();
      },
      destroy() {
        end();
        loader.destroy();
      },
    };
  }
  return openLoader as unknown as FragmentLoaderConstructor;
}
