/**
 * Starts the service worker once the first page is shown, and reports to it what the page loaded, so that it
 * opens without a network.
 * In: the page. Out: a registration. Browsers without service workers, and pages without HTTPS, are as ever.
 */
import { navigation } from '../navigation/navigation.svelte.ts';
import { type GoTo, type Keep, WORKER_PATH } from './worker-protocol.ts';

/** The first picture comes first, ms. */
const START_AFTER_MS = 8_000;
/** A page has fewer. */
const MOST_FILES = 400;

let registering: Promise<ServiceWorkerRegistration | null> | undefined;

/** The policy that permits this one script. The browser refuses a second one with its name. Trusted Types. */
function trustedPath(): string {
  const { trustedTypes } = globalThis as {
    readonly trustedTypes?: {
      createPolicy(name: string, rules: object): { createScriptURL(path: string): string };
    };
  };
  const rules = { createScriptURL: () => WORKER_PATH };
  return trustedTypes?.createPolicy('oxbow-service-worker', rules).createScriptURL('') ?? WORKER_PATH;
}

/** Registers the service worker; null where the browser has none, or forbids it. Never rejects. */
export function registerWorker(): Promise<ServiceWorkerRegistration | null> {
  registering ??= (async () => {
    try {
      return (await navigator.serviceWorker?.register(trustedPath(), { updateViaCache: 'none' })) ?? null;
    } catch {
      return null; // a private window, storage that is forbidden
    }
  })();
  return registering;
}

/** Starts it later; until then the page is as without it. */
export function startWorker(): void {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  serviceWorker.addEventListener('message', ({ data }: MessageEvent<GoTo>) => {
    if (data.type === 'go') navigation.go(data.path);
  });
  addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && report());
  const begin = () => setTimeout(() => void registerWorker().then(report), START_AFTER_MS);
  if (document.readyState === 'complete') begin();
  else addEventListener('load', begin, { once: true });
}

/** Reports what the page has loaded so far. */
function report(): void {
  const script = document.querySelector<HTMLScriptElement>('script[type=module]');
  if (!script) return;
  const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
  const files = loaded.filter((name) => URL.parse(name)?.pathname.startsWith('/ui/')).slice(0, MOST_FILES);
  const message: Keep = { type: 'keep', version: new URL(script.src).href, files };
  void navigator.serviceWorker.ready.then(({ active }) => active?.postMessage(message));
}
