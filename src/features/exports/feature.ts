/**
 * Exports: ranges of a recording as one file each, made by jobs of this process.
 * In: the queue of jobs, recordings. Out: the feature.
 */
import { clusterKey } from '../../accounts/cluster-key.ts';
import { nodeName } from '../../config/sections/cluster-section.ts';
import { subtitleRoutes } from '../../http/routes/library/subtitles.ts';
import { defineFeature } from '../feature.ts';
import { ExportJobs } from './export-jobs.ts';
import { exportRoutes } from './routes.ts';

/** The feature. */
export const exports = defineFeature({
  name: 'exports',
  routes: exportRoutes,
  after: subtitleRoutes,
  open({ config, settings, clock, process: part }, { recordings, catalog, jobs, jobKinds, disk, hooks }) {
    const { segments, chunks, reader } = recordings;
    const node = nodeName(config);
    const secret = node === undefined ? undefined : config.cluster.secret;
    const made = new ExportJobs({
      jobs,
      catalog,
      chunks,
      reader,
      evidence: recordings.evidence,
      clock,
      segments,
      isAlone: part?.link.start.isFirst,
      settings,
      mayWrite: () => disk.now().hasRoom,
      node,
      ticketKey: secret === undefined ? undefined : Buffer.from(clusterKey(secret, 'download tickets')),
    });
    jobKinds.add(made.kind);
    hooks.fileJobs.add((stream, range) => made.over(stream, range));
    return { own: made };
  },
});
