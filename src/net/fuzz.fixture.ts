/**
 * Scrambled Set-Cookie fields; for tests and for `npm run fuzz`.
 * In: a seed. Out: nothing, or an assertion: what comes back as a Cookie field is one line that may be sent,
 * and the jar stays bounded.
 */
import assert from 'node:assert/strict';
import { validateHeaderValue } from 'node:http';
import { seeded } from '@oxbow/media/random.fixture';
import { Cookies } from './cookies.ts';

const pieces = [
  'a', 'session', '=', ';', ' ', ',', '"', 'Domain=', '.example.com', 'cam.example.com', 'com', 'Path=', '/', '/live', 'Max-Age=', '-1', '99999999999',
  'Expires=', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Secure', 'HttpOnly', 'SameSite=None', '\t', '\r', '\n', '\0', '\u00e9', '__Host-', '__proto__',
] as const; // biome-ignore format: a table

/**
 * Gives `count` scrambled fields to a jar.
 *
 * @returns how often the jar had something to send
 */
export function fuzzCookies(seed: number, count: number): number {
  const random = seeded(seed);
  const urls = ['https://cam.example.com/live/a', 'http://example.com/', 'http://10.0.0.1:8080/x'].map(
    (url) => new URL(url),
  );
  let cookies = new Cookies();
  let sent = 0;
  for (let i = 0; i < count; i++) {
    if (i % 100 === 0) cookies = new Cookies();
    let field = random(2) ? 'a=1;' : '';
    for (let k = random(12); k > 0; k--) field += pieces[random(pieces.length)];
    cookies.take(urls[random(urls.length)]!, [field]);
    const header = cookies.header(urls[random(urls.length)]!);
    if (header === undefined) continue;
    validateHeaderValue('cookie', header);
    sent += 1;
  }
  assert.ok(cookies.size <= 300);
  return sent;
}
