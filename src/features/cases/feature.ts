/**
 * Cases: ranges of several streams under a legal hold, with notes, exported as one archive that plays without
 * a server.
 * In: recordings, jobs, users. Out: the feature. docs/5-record/cases.md, docs/decisions/0116.
 */
import { caseEvents } from '../../api/cases/case-events.ts';
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { openSource } from '../../streams/record/stored-source.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { CaseAccess } from './case-access.ts';
import { CaseExports } from './case-exports.ts';
import { CaseHolds } from './case-holds.ts';
import { CaseTable } from './case-table.ts';
import { Cases } from './cases-api.ts';
import { caseRefusals } from './refusals.ts';
import { caseRoutes } from './routes.ts';
import { ServedCases } from './served-cases.ts';
import { casesSection } from './settings.ts';

/** Opens the API and the kind of job. */
function openCases(
  { clock, settings, process: part, failed }: AppContext,
  { store, bus, recordings, catalog, jobs, jobKinds, disk, accounts, hooks }: CoreParts,
): OpenFeature<ServedCases> {
  const { pins, chunks, erasures, markers, reader, segments } = recordings;
  const { audit, exporters } = accounts.access;
  const table = new CaseTable(store.db);
  const access = new CaseAccess({ store, clock, settings });
  const holds = new CaseHolds({ pins, chunks, catalog, events: bus, clock });
  const cases = new Cases({ table, holds, access, erasures, events: bus, clock, settings });
  const sources = { store, recordings, catalog, nowMs: () => clock.nowMs(), failed: failed('the source of a case') };
  const exports = new CaseExports({
    jobs,
    table,
    segments,
    reader,
    markers,
    clock,
    events: bus,
    audit,
    settings,
    sourceOf: (range) => openSource(range, sources),
    evidence: recordings.evidence,
    mayWrite: () => disk.now().hasRoom,
    isAlone: part?.link.start.isFirst ?? true,
  });
  jobKinds.add(exports.kind);
  hooks.fileJobs.add((stream, range) => exports.over(stream, range));
  hooks.abilities.set('openCases', ({ role }) => access.mayOpen({ isAdmin: role === 'admin', role }));
  exporters.add('cases', (user) => cases.exportOf(`user:${user}`));
  return {
    own: new ServedCases({ cases, exports, access, audit }),
    start: () => cases.liftLeft().catch(failed('legal holds of closed cases')),
  };
}

/** The feature. */
export const cases = defineFeature<ServedCases>({
  name: 'cases',
  routes: caseRoutes,
  after: timelineRoutes,
  adds: { settings: { cases: casesSection }, refusals: caseRefusals, events: caseEvents },
  open: openCases,
});
