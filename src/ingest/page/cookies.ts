/**
 * Converts the cookies that yt-dlp received from a site to a Cookie header for one URL.
 * In: `name=value; Domain=.site.example; Path=/; Secure; name2=…` as yt-dlp prints them. Out: `name=value;
 * name2=…`. RFC 6265, 5.1.3, 5.1.4 and 5.4. Pure.
 */

const ATTRIBUTES: ReadonlySet<string> = new Set([
  'domain',
  'path',
  'secure',
  'expires',
  'version',
  'port',
  'httponly',
  'samesite',
]);
const MAX_LENGTH = 8192;

interface Cookie {
  readonly pair: string;
  domain: string;
  path: string;
  secure: boolean;
}

/**
 * @param printed at most a few KiB
 * @returns empty if no cookie matches the URL
 */
export function cookieHeader(printed: string, url: URL): string {
  const cookies: Cookie[] = [];
  for (const piece of split(printed)) {
    const [, name = '', value = ''] = /^\s*([^=]*?)\s*(?:=\s*(.*?)\s*)?$/s.exec(piece) ?? [];
    const attribute = name.toLowerCase();
    const last = cookies.at(-1);
    if (ATTRIBUTES.has(attribute)) {
      if (!last) continue;
      if (attribute === 'domain') last.domain = unquote(value).toLowerCase();
      if (attribute === 'path') last.path = unquote(value);
      if (attribute === 'secure') last.secure = true;
    } else if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\x20-\x7e]*$/.test(value)) {
      cookies.push({ pair: `${name}=${value}`, domain: '', path: '/', secure: false });
    }
  }
  const header = cookies.filter((cookie) => isFor(cookie, url)).map(({ pair }) => pair);
  return header.join('; ').slice(0, MAX_LENGTH);
}

/** Splits at semicolons outside of quotes. */
function split(text: string): string[] {
  return text.match(/(?:[^;"]|"(?:\\.|[^"\\])*"|")+/gs) ?? [];
}

function unquote(value: string): string {
  return /^".*"$/s.test(value) ? value.slice(1, -1) : value;
}

/** Whether a cookie matches a URL; one without a domain matches none, because its origin is unknown. */
function isFor({ domain, path, secure }: Cookie, url: URL): boolean {
  const bare = domain.replace(/^\./, '');
  if (bare === '' || (secure && url.protocol !== 'https:')) return false;
  const sameSite = url.hostname === bare || (domain.startsWith('.') && url.hostname.endsWith(`.${bare}`));
  const below = url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
  return sameSite && below;
}
