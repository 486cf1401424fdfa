/**
 * Sets of angles: streams and videos of one event, lined up by programme time, by their sound or by hand.
 * In: recordings, the library, jobs, users. Out: the feature. docs/7-together/angles.md, docs/decisions/0120.
 */
import { angleEvents } from '../../api/angles/angle-events.ts';
import { measureLevels } from '../../ffmpeg/engine.ts';
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { openSource } from '../../streams/record/stored-source.ts';
import type { AppContext } from '../core.ts';
import { type CoreParts, defineFeature, type OpenFeature } from '../feature.ts';
import { AngleExports } from './angle-exports.ts';
import { AngleMeasurements } from './angle-measurements.ts';
import { AngleMembers } from './angle-members.ts';
import { readSound } from './angle-sound.ts';
import { AngleTable } from './angle-table.ts';
import { Angles } from './angles-api.ts';
import { angleRefusals } from './refusals.ts';
import { angleRoutes, type ServedAngles } from './routes.ts';
import { anglesSection } from './settings.ts';

/** Opens the API and the kinds of jobs. */
function openAngles(
  { clock, settings, process: part, failed }: AppContext,
  { store, bus, recordings, catalog, library, jobs, jobKinds, disk, accounts, hooks }: CoreParts,
): OpenFeature<ServedAngles> {
  const { reader, segments } = recordings;
  const { users, exporters } = accounts.access;
  const table = new AngleTable(store.db);
  const members = new AngleMembers({ store, catalog, assets: library.assets });
  const sources = { store, recordings, catalog, nowMs: () => clock.nowMs(), failed: failed('the source of an angle') };
  const sourceOf = (of: { readonly streamId: string; readonly stream: string }) => openSource(of, sources);
  const sound = { sourceOf, media: library.media, reader, measureLevels };
  const measurements = new AngleMeasurements({
    jobs,
    table,
    members,
    readSound: (angle, range, options) => readSound(angle, range, sound, options),
    events: bus,
  });
  const exports = new AngleExports({
    jobs,
    table,
    members,
    sourceOf,
    reader,
    segments,
    clock,
    settings,
    mayWrite: () => disk.now().hasRoom,
    isAlone: part?.link.start.isFirst ?? true,
  });
  const angles = new Angles({
    table,
    members,
    events: bus,
    clock,
    settings,
    nameOf: (owner) => (owner.startsWith('user:') ? users.find(owner.slice(5))?.name : undefined),
    measurementOf: (set) => measurements.of(set),
    async removeJobs(set) {
      await measurements.removeAll(set);
      await exports.removeAll(set);
    },
  });
  jobKinds.add(measurements.kind);
  jobKinds.add(exports.kind);
  hooks.fileJobs.add((stream, range) => exports.over(stream, range));
  exporters.add('angles', (user) => angles.exportOf(`user:${user}`));
  return { own: { angles, measurements, exports, createClip: (...args) => hooks.clipMaker.create(...args), clock } };
}

/** The feature. */
export const angles = defineFeature<ServedAngles>({
  name: 'angles',
  routes: angleRoutes,
  after: timelineRoutes,
  adds: { settings: { angles: anglesSection }, refusals: angleRefusals, events: angleEvents },
  open: openAngles,
});
