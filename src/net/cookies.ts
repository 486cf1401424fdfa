/**
 * The cookies of one source: cookies set by its servers are sent back only to them.
 * In: Set-Cookie of replies, redirects included. Out: the Cookie field of requests. RFC 6265.
 */
import { createRequire } from 'node:module';
import type { Cookie, CookieJar, MemoryCookieStore } from 'tough-cookie';

/**
 * Most cookies of a jar; beyond it the least recently used one is removed (RFC 6265, 6.1 requires 3000 over
 * all sites).
 */
const MAX_COOKIES = 300;
/** Longest cookie with its attributes, characters (6.1). */
const MAX_LENGTH = 4096;
/** Most Set-Cookie fields read from one reply (6.1: 50 per domain). */
const MAX_PER_REPLY = 50;

/** Loaded with the first cookie: it brings the list of public suffixes, and few sources set cookies. */
const load = (): typeof import('tough-cookie') => createRequire(import.meta.url)('tough-cookie');

/** A cookie jar in memory. Each source has its own, so that sources do not share cookies. */
export class Cookies {
  /** Undefined before the first cookie. */
  #kept: { readonly store: MemoryCookieStore; readonly jar: CookieJar } | undefined;

  /** Number of cookies. */
  get size(): number {
    return this.#all().length;
  }

  /**
   * The Cookie field for a request.
   *
   * @param configured the Cookie field of the settings; cookies of the server replace those of the same name
   * @returns undefined if there is none
   */
  header(url: URL, configured?: string): string | undefined {
    if (!this.#kept && !configured) return undefined;
    const kept = this.#keptFor(url);
    const names = new Set(kept.map(({ key }) => key));
    const pairs = (configured ?? '').split(';').flatMap((pair) => {
      const text = pair.trim();
      return text === '' || names.has(text.split('=', 1)[0]!.trim()) ? [] : text;
    });
    const allPairs = [...pairs, ...kept.map((cookie) => cookie.cookieString())];
    return allPairs.length === 0 ? undefined : allPairs.join('; ');
  }

  /** Cookies for a URL; none for hosts such as `test` and `local` (RFC 6761). */
  #keptFor(url: URL): readonly Cookie[] {
    try {
      return this.#kept?.jar.getCookiesSync(url.href) ?? [];
    } catch {
      return [];
    }
  }

  /** Stores the cookies that a reply of `url` set and may set; ignores the others, as browsers do. */
  take(url: URL, fields: readonly string[]): void {
    if (fields.length === 0) return;
    const { Cookie, CookieJar: Jar, MemoryCookieStore: Store } = load();
    if (!this.#kept) {
      const made = new Store();
      this.#kept = { store: made, jar: new Jar(made, { rejectPublicSuffixes: true }) };
    }
    const { store, jar } = this.#kept;
    for (const field of fields.slice(0, MAX_PER_REPLY)) {
      if (field.length > MAX_LENGTH) continue;
      const cookie = Cookie.parse(field, { loose: false });
      if (!cookie) continue;
      jar.setCookieSync(cookie, url.href, { ignoreError: true });
    }
    const cookies = this.#all();
    const used = (cookie: Cookie) =>
      cookie.lastAccessed === 'Infinity' ? Infinity : (cookie.lastAccessed?.getTime() ?? 0);
    for (const { domain, path, key } of cookies.sort((a, b) => used(a) - used(b)).slice(0, -MAX_COOKIES)) {
      if (domain !== null && path !== null) store.removeCookie(domain, path, key, () => {});
    }
  }

  #all(): Cookie[] {
    let list: Cookie[] = [];
    // The memory store is synchronous.
    this.#kept?.store.getAllCookies((_error, cookies) => {
      list = cookies ?? [];
    });
    return list;
  }
}
