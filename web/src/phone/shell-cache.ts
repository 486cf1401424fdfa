/**
 * The files with which pages open without a network: of the version that was visited last, and of the one
 * before, which open pages may still use. No media, no answers of the API, no page of a person.
 * In: what a page loaded. Out: stored responses. W3C Service Workers, 5.
 */
import type { Keep } from './worker-protocol.ts';

const PREFIX = 'oxbow-shell ';
/** Versions that are kept. */
const MOST_VERSIONS = 2;
/** Files of one version. The interface has some 250. */
const MOST_FILES = 400;
const SHELL_PATH = '/';

/** What a test replaces. */
export interface ShellPlatform {
  readonly caches: Pick<CacheStorage, 'open' | 'keys' | 'delete'>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Origin of the server. */
  readonly origin: string;
}

export class ShellCache {
  readonly #platform: ShellPlatform;
  #turn: Promise<void> = Promise.resolve();

  constructor(platform: ShellPlatform) {
    this.#platform = platform;
  }

  /**
   * Whether an address is a file of the interface at this server: its name changes with its content. Files of
   * another server (`staticUrl`) are left to the browser.
   */
  isFile(url: string): boolean {
    const { origin } = this.#platform;
    const parsed = URL.parse(url);
    return parsed?.origin === origin && parsed.pathname.startsWith('/ui/');
  }

  /** Stores what a page loaded, in turn. Never rejects: what cannot be stored is not there offline. */
  keep(what: Keep): Promise<void> {
    this.#turn = this.#turn.then(() => this.#keep(what)).catch(() => undefined);
    return this.#turn;
  }

  /** The stored file of an address. */
  async file(url: string): Promise<Response | undefined> {
    return await this.#find(url);
  }

  /** The page without content, of the newest version. `data-stored` of its root says that it is stored. */
  async shell(): Promise<Response | undefined> {
    const page = await this.#find(this.#platform.origin + SHELL_PATH);
    if (!page) return undefined;
    const html = (await page.text()).replace('<html', '<html data-stored');
    return new Response(html, { headers: page.headers });
  }

  async #keep({ version, files }: Keep): Promise<void> {
    const { caches, origin } = this.#platform;
    const script = URL.parse(version, origin);
    if (!script || !this.isFile(script.href)) return;
    const name = PREFIX + script.pathname;
    const cache = await caches.open(name);
    const kept = new Set((await cache.keys()).map(({ url }) => url));
    const missing = [...new Set([script.href, ...files])].filter((url) => this.isFile(url) && !kept.has(url));
    const room = Math.max(0, MOST_FILES - kept.size);
    await Promise.all(missing.slice(0, room).map((url) => this.#store(cache, url)));
    if (!kept.has(origin + SHELL_PATH)) await this.#storeShell(cache, script.pathname);
    const names = await this.#names();
    for (const old of names.slice(0, -MOST_VERSIONS)) if (old !== name) await caches.delete(old);
  }

  /** Stores the page as everyone gets it. A newer version of it is left to a page of that version. */
  async #storeShell(cache: Cache, script: string): Promise<void> {
    const url = this.#platform.origin + SHELL_PATH;
    const headers = { accept: 'text/html' };
    const response = await this.#platform.fetch(url, { credentials: 'omit', cache: 'no-cache', headers });
    if (response.ok && !response.redirected && (await response.clone().text()).includes(script)) {
      await cache.put(url, response);
    }
  }

  async #store(cache: Cache, url: string): Promise<void> {
    try {
      const response = await this.#platform.fetch(url, { credentials: 'omit' });
      // A proxy may answer with its page for signing in: as a file it would be used until the next version.
      const isPage = response.headers.get('content-type')?.startsWith('text/html') === true;
      if (response.ok && !response.redirected && !isPage) await cache.put(url, response);
    } catch {
      // It is loaded from the network the next time.
    }
  }

  /** In the order in which versions were first seen. */
  async #names(): Promise<readonly string[]> {
    return (await this.#platform.caches.keys()).filter((name) => name.startsWith(PREFIX));
  }

  async #find(url: string): Promise<Response | undefined> {
    for (const name of (await this.#names()).toReversed()) {
      const response = await (await this.#platform.caches.open(name)).match(url, { ignoreVary: true });
      if (response) return response;
    }
    return undefined;
  }
}
