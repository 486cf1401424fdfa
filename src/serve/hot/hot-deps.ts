/**
 * Dependencies of the hot responder on the main thread. A serving thread has its own in thread.ts.
 * In: ServeDeps. Out: HotDeps, whose counters are the process's metrics.
 */
import { ClientVerdicts, rulesOfLists } from '../../accounts/watch-rules/watch-rules.ts';
import { traceIdOf } from '../../observe/traces/trace.ts';
import type { ServeDeps } from '../deps.ts';
import { reportProblem } from '../exchange/problem.ts';
import { sharingOf } from '../media/watch-access.ts';
import { signedClassOf } from '../media/watch-token-policy.ts';
import { AdmittedClients } from './admitted-clients.ts';
import type { HotCounts, HotDeps } from './responder.ts';
import type { HotClient } from './response-cache.ts';

/** HotDeps of the main thread. */
export function hotDepsOf(deps: ServeDeps, { ownHosts, head }: Pick<HotDeps, 'ownHosts' | 'head'>): HotDeps {
  const { clock } = deps;
  const { countries } = deps;
  let verdicts = new ClientVerdicts<HotClient>();
  let revision = countries?.revision;
  const mayFromHere = (stream: string, client: HotClient): boolean => {
    const lists = deps.streams.watchRulesOf(stream);
    if (!lists) return true;
    if (countries?.revision !== revision) {
      verdicts = new ClientVerdicts();
      revision = countries?.revision;
    }
    const clientOf = () => {
      const address = client.clientAddress;
      return { address, country: client.clientCountry ?? countries?.find(address) };
    };
    return verdicts.isAllowed(rulesOfLists(lists), client, client.clientHeaders, clientOf);
  };
  const admitted = deps.auth && new AdmittedClients(deps.auth, clock);
  return {
    lookup: deps.lookup,
    sharingOf: (name) => sharingOf(deps.streams, name),
    mayWatch(token, address, sharing, client) {
      const { stream } = address;
      if (sharing === 'by-address' && !mayFromHere(stream, client)) return false;
      const isPrivate = sharing === 'some' || (sharing === 'by-address' && deps.streams.isPrivate(stream));
      if (admitted && isPrivate) return admitted.has(client, stream, token);
      if (token === undefined) return !isPrivate;
      const verdict = deps.access.watch.verify(token, stream, signedClassOf(address), clock.nowMs());
      // A token of the authorization server is accepted where none is needed.
      return verdict === 'ok' || (verdict === 'refused' && deps.auth !== undefined);
    },
    viewers: {
      seen: (stream, player, address) => deps.viewers.seen(stream, player, address),
      requested: (content, text) => deps.viewers.requested(content, text),
      reported(stream, player, report) {
        deps.metrics.httpRequests.inc({ class: 'session', status: 204 });
        deps.viewers.reported(stream, player, report);
      },
    },
    counts: countsOf(deps.metrics),
    elsewhere: deps.otherNodes?.hot,
    trustedProxies: deps.trustedProxies ?? [],
    countryHeader: deps.countryHeader ?? '',
    ownHosts,
    head,
    clock,
    failed: (error, where) => reportProblem(error, where, traceIdOf(undefined), deps),
  };
}

/** Counters that write to the metrics. */
export function countsOf(metrics: ServeDeps['metrics']): HotCounts {
  return {
    served(kind, { answers, bytes, cmcd }) {
      metrics.httpRequests.inc({ class: kind, status: 200 }, answers);
      metrics.servedBytes.inc({ class: kind }, bytes);
      metrics.cmcdRequests.inc({ class: kind }, cmcd);
    },
    waited: (kind, seconds) => metrics.httpRequestSeconds.observe({ class: kind }, seconds),
    starved: () => metrics.bufferStarvations.inc(),
    ready: (bytes) => metrics.readyBytes.set(bytes),
    beforeRead: (flush) => metrics.beforeScrape(flush),
  };
}
