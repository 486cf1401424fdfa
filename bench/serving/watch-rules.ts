/**
 * `npm run bench -- watch-rules`: what rules by network and country cost each request.
 * In: rules of 1 to 1,000 entries in each list, a file of countries. Out: a table of nanoseconds for each
 * check; the limit is 2,000 ns.
 */
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClientVerdicts, rulesOfLists } from '../../src/accounts/watch-rules/watch-rules.ts';
import { CountryFile } from '../../src/net/countries/country-file.ts';
import { countryRecord, writeMmdb } from '../../src/net/countries/mmdb.fixture.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { sharingOf } from '../../src/serve/media/watch-access.ts';
import { median, printTable, say } from '../report.ts';
import { orTiny } from '../tiny.ts';

const ROUNDS = 5;
const CONNECTIONS = 1000;

/** Measures and returns the report. */
export async function benchWatchRules(): Promise<string> {
  const checks = orTiny(1_000_000, 1000);
  const rows: string[][] = [];
  for (const count of [1, 1000]) {
    const lists = {
      allow: Array.from({ length: count }, (_, at) => `10.${at >> 8}.${at & 255}.0/25`),
      deny: Array.from({ length: count }, (_, at) => `2001:db8:${at.toString(16)}::/48`),
    };
    const rules = rulesOfLists(lists);
    for (const address of ['10.0.0.4', '198.51.100.9', '2001:db9:12:34:5678:9abc:def0:1']) {
      say(`${count} entries, ${address}`);
      const client = { address, country: undefined };
      rows.push([`${count}, a new connection from ${address}`, nsOf(checks, () => rules.decide(client).isAllowed)]);
    }
    const verdicts = new ClientVerdicts<object>();
    const connections = Array.from({ length: CONNECTIONS }, () => ({}));
    const headers = {};
    const clientOf = () => ({ address: '10.0.0.4', country: undefined });
    let at = 0;
    const known = () => verdicts.isAllowed(rules, connections[at++ % CONNECTIONS]!, headers, clientOf);
    rows.push([`${count}, a further request of a connection`, nsOf(checks, known)]);
  }
  rows.push(...(await fileRows(checks)));
  const streams = { isPrivate: () => false, watchRulesOf: () => undefined };
  rows.push(['a stream without rules', nsOf(checks, () => sharingOf(streams, 'door') === 'all')]);
  return printTable(['entries of each list, request', 'ns (limit 2,000)'], rows);
}

/** The country of an address by a file of 50,000 networks. */
async function fileRows(checks: number): Promise<string[][]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'oxbow-bench-'));
  const path = join(folder.path, 'countries.mmdb');
  const networks = Array.from({ length: orTiny(50_000, 100) }, (_, at) => `${20 + (at >> 8)}.${at & 255}.0.0/20`);
  const codes = ['DE', 'AT', 'CH', 'FR'];
  const records = networks.map((network, at) => [network, countryRecord(codes[at % 4]!)] as const);
  await writeFile(path, writeMmdb(Object.fromEntries([...records, ['2001:db8::/32', countryRecord('DE')]])));
  const options = { log: { info() {}, error() {} } as never, metrics: createMetrics() };
  const file = await CountryFile.open(path, options, new AbortController());
  const rules = rulesOfLists({ allow: ['DE'], deny: [] });
  const addresses = (count: number) =>
    Array.from({ length: count }, (_, at) => `20.${at & 255}.${(at >> 8) & 255}.${at >> 16}`);
  const rowOf = (what: string, clients: readonly string[]) => {
    say(what);
    let at = 0;
    const check = () => {
      const address = clients[at++ % clients.length]!;
      return rules.decide({ address, country: file.find(address) }).isAllowed;
    };
    return [what, nsOf(checks, check)];
  };
  return [
    rowOf('by the file, 1,000 clients', addresses(1000)),
    rowOf('by the file, 100,000 clients: more than the cache has', addresses(100_000)),
    rowOf('by the file, one client with IPv6', ['2001:db8:12:34:5678:9abc:def0:1']),
  ];
}

/** Median duration of a call, ns. */
function nsOf(calls: number, check: () => boolean): string {
  let allowed = 0;
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now();
    for (let call = 0; call < calls; call++) if (check()) allowed++;
    return ((performance.now() - startedMs) * 1e6) / calls;
  });
  return `${median(rounds).toFixed(0)}${allowed < 0 ? '?' : ''}`; // the result is used
}
