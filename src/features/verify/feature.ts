/**
 * Verification of stored files: reads them in the background, and keeps the list of damaged ones.
 * In: recordings, streams. Out: the feature; changed index rows, restored files; events, metrics, a health
 * check, `verify.json`.
 */
import path from 'node:path';
import { isSpeaker } from '../../cluster/processes/process-link.ts';
import { OxbowError } from '../../lib/errors.ts';
import { VERIFY_FILE } from '../../store/file-names.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature } from '../feature.ts';
import { DamageKeeper } from './damage-keeper.ts';
import { verifyMetrics } from './metrics.ts';
import { verifySettings } from './settings.ts';
import { VerifiedFiles } from './verified-files.ts';
import type { Finding } from './verify.ts';
import { VerifySchedule } from './verify-schedule.ts';
import { noVerifyState, readVerifyState, type VerifyState, writeVerifyState } from './verify-state.ts';

/** Names in the sentence of /health. */
const MAX_NAMED = 5;

/** Verifies until the shutdown. */
function startVerify(app: AppContext, { store, bus, recordings, catalog, health, placement, hooks }: CoreParts): void {
  const { settings, opened, shutdown, clock, log, metrics, dataFolder, process: part, failed } = app;
  if (!isSpeaker(part)) return; // one process of several verifies the folder of all
  const { files: local, table, objects, release, reader } = recordings;
  const file = path.join(dataFolder, VERIFY_FILE);
  const save = (state: VerifyState) => {
    try {
      writeVerifyState(file, state);
    } catch (error) {
      failed('saving where the verification is')(error); // it begins earlier after a restart
    }
  };
  const saved = readVerifyState(file);
  const state = saved ?? noVerifyState(clock.nowMs());
  if (!saved) save(state);
  const files = new VerifiedFiles(store);
  const nameOf = ({ of, owner }: Pick<Finding, 'of' | 'owner'>) =>
    of === 'asset' ? `asset ${owner}` : (catalog.definitionOf(owner)?.name ?? owner);
  const subject = (of: Finding['of'], owner: string) => (of === 'recording' ? catalog.definitionOf(owner) : undefined);
  const keeper = new DamageKeeper(
    {
      files,
      table,
      store: local,
      copies: objects?.store,
      release,
      monotonicMs: () => clock.monotonicMs(),
      signal: shutdown.signal,
      report: {
        damaged(finding) {
          const { file: damaged, problem, segments, detail, of, owner } = finding;
          log.error({ file: damaged, problem, segments, detail, of: nameOf(finding) }, 'a stored file is damaged');
          const asset = of === 'asset' ? { asset: owner } : {};
          bus.publish('recording.damaged', { file: damaged, problem, segments, detail, ...asset }, subject(of, owner));
        },
        repaired(repaired, owner) {
          const of = repaired.startsWith('assets/') ? 'asset' : 'recording';
          metrics.restoredFiles.inc();
          log.warn({ file: repaired, of: nameOf({ of, owner }) }, 'a damaged file was replaced by its second copy');
          const asset = of === 'asset' ? { asset: owner } : {};
          bus.publish('recording.repaired', { file: repaired, ...asset }, subject(of, owner));
        },
        changed: () => schedule.save(),
        failed: failed('checking a stored file'),
      },
    },
    state.findings,
  );
  const schedule = new VerifySchedule({
    files,
    store: local,
    isShared: placement.node !== '' && !part,
    keeper,
    settings,
    clock,
    state,
    save,
    report: {
      read: (bytes) => metrics.verifiedBytes.inc(bytes),
      completed({ files: count, bytes, findings }) {
        log.info({ files: count, bytes, damaged: findings.length }, 'all stored files were verified');
      },
      failed: failed('the verification of stored files'),
    },
  });
  opened.defer(reader.damaged.subscribe((location) => keeper.complain(location)));
  opened.defer(
    metrics.beforeScrape(() => {
      const { completedMs, findings } = schedule.state;
      metrics.verifyCompleted.set(completedMs / 1000);
      metrics.damagedFiles.set(findings.length);
      metrics.damagedSegments.set(findings.reduce((sum, { segments }) => sum + segments, 0));
    }),
  );
  opened.defer(
    health.register('stored files', () => describeDamage(schedule.state, nameOf), { ready: false, degrades: true }),
  );
  opened.use(shutdown.owns(schedule.run(shutdown).then(() => keeper.idle)));
  hooks.beforeUpload.add((location) => keeper.check(location));
}

/** The health check. @throws OxbowError `media-damaged` while there are damaged files */
function describeDamage({ findings, completedMs, place }: VerifyState, nameOf: (finding: Finding) => string): string {
  if (findings.length > 0) {
    const named = findings
      .slice(0, MAX_NAMED)
      .map((finding) => `${finding.file} of ${nameOf(finding)}: ${finding.detail}`);
    const suffix = findings.length > MAX_NAMED ? `; and ${findings.length - MAX_NAMED} more` : '';
    const sentence = `${findings.length} stored files are damaged: ${named.join('; ')}${suffix}.`;
    throw new OxbowError('media-damaged', `${sentence} Stop oxbow and run \`oxbow doctor --repair\`.`);
  }
  const last = completedMs === 0 ? 'not verified yet' : `verified ${new Date(completedMs).toISOString()}`;
  return place ? `${last}; a verification runs` : last;
}

/** The feature. */
export const verify = defineFeature({
  name: 'verify',
  adds: {
    settings: {
      'record.verifyEvery': verifySettings.verifyEvery,
      'record.verifyRate': verifySettings.verifyRate,
    },
    metrics: verifyMetrics,
  },
  open: (app, parts) => ({ own: undefined, start: () => startVerify(app, parts) }),
});
