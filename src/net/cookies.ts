/**
 * The cookies of one source: what its servers set is sent back to them, and to nobody else.
 * In: Set-Cookie of replies, redirects included. Out: the Cookie field of requests. RFC 6265.
 */
import { createRequire } from 'node:module';
import type { Cookie, CookieJar, MemoryCookieStore } from 'tough-cookie';

/** Most cookies of a jar; beyond them the one that was used longest ago goes (RFC 6265, 6.1 asks for 3000 over all sites). */
const MAX_COOKIES = 300;
/** Longest cookie with its attributes, characters (6.1). */
const MAX_LENGTH = 4096;
/** Set-Cookie fields that are read of one reply (6.1: 50 a domain). */
const MAX_PER_REPLY = 50;

/** Loaded with the first cookie: it brings the list of public suffixes, and few sources set cookies. */
const load = (): typeof import('tough-cookie') => createRequire(import.meta.url)('tough-cookie');

/** A jar; each source has its own, so that no cookie crosses from one to another. Kept in memory only. */
export class Cookies {
  /** Undefined before the first cookie. */
  #kept: { readonly store: MemoryCookieStore; readonly jar: CookieJar } | undefined;

  /** Cookies that are kept. */
  get size(): number {
    return this.#all().length;
  }

  /**
   * The Cookie field for a request.
   *
   * @param own a Cookie field that was configured; what the server has set since stands in place of one of the same name
   * @returns undefined when there is nothing to send
   */
  header(url: URL, own?: string): string | undefined {
    const kept = this.#keptFor(url);
    const names = new Set(kept.map(({ key }) => key));
    const pairs = (own ?? '').split(';').flatMap((pair) => {
      const text = pair.trim();
      return text === '' || names.has(text.split('=', 1)[0]!.trim()) ? [] : text;
    });
    const all = [...pairs, ...kept.map((cookie) => cookie.cookieString())];
    return all.length === 0 ? undefined : all.join('; ');
  }

  /** What is kept for a URL; nothing for a host whose name can have no cookies, as `test` and `local` (RFC 6761). */
  #keptFor(url: URL): readonly Cookie[] {
    try {
      return this.#kept?.jar.getCookiesSync(url.href) ?? [];
    } catch {
      return [];
    }
  }

  /** Keeps what a reply of `url` set, as far as it may set it; the rest is left out silently, as browsers do. */
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
    const all = this.#all();
    const used = (cookie: Cookie) =>
      cookie.lastAccessed === 'Infinity' ? Infinity : (cookie.lastAccessed?.getTime() ?? 0);
    for (const { domain, path, key } of all.sort((a, b) => used(a) - used(b)).slice(0, -MAX_COOKIES)) {
      if (domain !== null && path !== null) store.removeCookie(domain, path, key, () => {});
    }
  }

  #all(): Cookie[] {
    let found: Cookie[] = [];
    // The store in memory answers at once.
    this.#kept?.store.getAllCookies((_error, cookies) => {
      found = cookies ?? [];
    });
    return found;
  }
}
