/**
 * `npm run bench -- watch-rules`: what rules by network and country cost each request.
 * In: rules of 1 to 1,000 entries in each list. Out: a table of nanoseconds for each check; the limit is
 * 2,000 ns.
 */
import { ClientVerdicts, rulesOfLists } from '../../src/accounts/watch-rules/watch-rules.ts';
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
  const streams = { isPrivate: () => false, watchRulesOf: () => undefined };
  rows.push(['a stream without rules', nsOf(checks, () => sharingOf(streams, 'door') === 'all')]);
  return printTable(['entries of each list, request', 'ns (limit 2,000)'], rows);
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
