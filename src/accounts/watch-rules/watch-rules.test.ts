import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { ClientVerdicts, rulesOfLists, type WatchRules } from './watch-rules.ts';

const rulesOf = (allow: readonly string[], deny: readonly string[] = []): WatchRules =>
  rulesOfLists({ allow: [...allow], deny: [...deny] });
const from = (address: string, country?: string) => ({ address, country });

test('an empty allow list allows all but what is denied', () => {
  const rules = rulesOf([], ['192.0.2.0/24', 'KP']);
  assert.deepEqual(rules.decide(from('192.0.2.9')), { isAllowed: false, entry: '192.0.2.0/24' });
  assert.deepEqual(rules.decide(from('192.0.3.9', 'KP')), { isAllowed: false, entry: 'KP' });
  assert.deepEqual(rules.decide(from('192.0.3.9', 'DE')), { isAllowed: true, entry: undefined });
});

test('deny wins over allow, whichever is the smaller network', () => {
  const rules = rulesOf(['10.1.0.0/16', 'DE'], ['10.0.0.0/8']);
  assert.equal(rules.decide(from('10.1.0.1')).isAllowed, false);
  assert.equal(rules.decide(from('10.1.0.1', 'DE')).isAllowed, false);
  assert.deepEqual(rules.decide(from('192.0.2.1', 'DE')), { isAllowed: true, entry: 'DE' });
});

test('an allow list allows what is in a network or in a country of it, and nothing else', () => {
  const rules = rulesOf(['2001:db8::/32', 'AT', '192.0.2.7']);
  assert.equal(rules.decide(from('2001:db8:1::1')).isAllowed, true);
  assert.equal(rules.decide(from('2001:db9::1')).isAllowed, false);
  assert.equal(rules.decide(from('2001:db9::1', 'AT')).isAllowed, true);
  assert.equal(rules.decide(from('192.0.2.7')).isAllowed, true);
  assert.equal(rules.decide(from('192.0.2.8', 'DE')).isAllowed, false, 'an unknown or another country');
  assert.equal(rules.decide(from('')).isAllowed, false, 'a client without an address');
});

test('an IPv4 address in its IPv6 form is the IPv4 address, in clients and in lists', () => {
  const rules = rulesOf(['192.0.2.0/24', '::ffff:198.51.100.0/120']);
  for (const address of ['::ffff:192.0.2.1', '::ffff:c000:201', '192.0.2.1', '198.51.100.9', '::FFFF:198.51.100.9']) {
    assert.equal(rules.decide(from(address)).isAllowed, true, address);
  }
  assert.equal(rulesOf(['::/0']).decide(from('192.0.2.1')).isAllowed, false, 'no IPv6 network has an IPv4 address');
  assert.equal(rulesOf(['0.0.0.0/0']).decide(from('::ffff:8.8.8.8')).isAllowed, true);
  assert.equal(rulesOf(['0.0.0.0/0']).decide(from('2001:db8::1')).isAllowed, false);
});

test('the verdict about a connection is made once, and again with other rules or other header fields', () => {
  let calls = 0;
  const client = () => {
    calls++;
    return from('192.0.2.1');
  };
  const verdicts = new ClientVerdicts<object>();
  const [connection, headers] = [{}, {}];
  const [allowing, denying] = [rulesOf(['192.0.2.1']), rulesOf([], ['192.0.2.1'])];
  const ask = (rules: WatchRules, fields: object) => verdicts.isAllowed(rules, connection, fields, client);
  assert.deepEqual([ask(allowing, headers), ask(allowing, headers), calls], [true, true, 1]);
  assert.deepEqual([ask(allowing, {}), calls], [true, 2]);
  assert.deepEqual([ask(denying, headers), calls], [false, 3]);
});

/** mulberry32: numbers below `most`. */
function randomOf(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * most);
  };
}

/** The bits of `10.0.0.1` or of an IPv6 address with eight groups. */
function bitsOf(text: string): string {
  const isIpv4 = isIP(text) === 4;
  const parts = text.split(isIpv4 ? '.' : ':').map((part) => Number.parseInt(part, isIpv4 ? 10 : 16));
  return parts.map((part) => part.toString(2).padStart(isIpv4 ? 8 : 16, '0')).join('');
}

test('20,000 random clients get the verdict of an implementation that compares bits as text', () => {
  const seed = 20_261_129;
  const random = randomOf(seed);
  const byte = () => (random(3) === 0 ? random(4) : random(256));
  const address = (): string => {
    if (random(2) === 0) return [10, byte(), byte(), byte()].join('.');
    if (random(4) === 0) return `::ffff:${[10, byte(), byte(), byte()].join('.')}`;
    return `2001:db8:${[random(3), byte(), 0, random(2), 0, byte()].map((word) => word.toString(16)).join(':')}`;
  };
  const network = (): string => {
    const text = address().replace('::ffff:', '');
    if (random(4) === 0) return text;
    return `${text}/${isIP(text) === 4 ? random(33) : random(97)}`;
  };
  const listed = (entries: readonly string[]) => {
    const networks = entries.filter((each) => each.length > 2).map((entry) => entry.split('/') as [string, string?]);
    const prefixes = networks.map(([start, bits]) => bitsOf(start).slice(0, bits === undefined ? 128 : Number(bits)));
    return (text: string, country: string | undefined): boolean => {
      if (country !== undefined && entries.includes(country)) return true;
      const bits = bitsOf(text.replace('::ffff:', ''));
      // The version of IP is a part of the prefix.
      return prefixes.some(
        (prefix, at) => isIP(networks[at]![0]) === isIP(text.replace('::ffff:', '')) && bits.startsWith(prefix),
      );
    };
  };
  const countries = ['DE', 'AT', 'KP'];
  for (let round = 0; round < 200; round++) {
    const entries = () =>
      Array.from({ length: random(12) }, () => (random(6) === 0 ? countries[random(3)]! : network()));
    const [allow, deny] = [entries(), entries()];
    const rules = rulesOfLists({ allow, deny });
    const [isAllowed, isDenied] = [listed(allow), listed(deny)];
    for (let i = 0; i < 100; i++) {
      const client = from(address(), [undefined, ...countries][random(4)]);
      const expected =
        !isDenied(client.address, client.country) && (allow.length === 0 || isAllowed(client.address, client.country));
      const decided = rules.decide(client).isAllowed;
      assert.equal(decided, expected, JSON.stringify({ seed, round, client, allow, deny }));
    }
  }
});
