/**
 * Clips: stretches of a recording with an address and a visibility. Retention keeps their media.
 * In: streams, the recordings that they cut, users. Out: the feature. docs/4-watch/clips.md.
 */
import { clipEvents } from '../../api/clips/clip-events.ts';
import type { ClipsApi } from '../../api/clips/clips-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { timelineRoutes } from '../../http/routes/streams/timeline.ts';
import { readStreamName } from '../../streams/stream-table.ts';
import { defineFeature } from '../feature.ts';
import { createClipKeeper } from './clip-keeper.ts';
import { type Clip, ClipTable } from './clip-table.ts';
import { ServedClips } from './clips-api.ts';
import { clipRefusals } from './refusals.ts';
import { clipRoutes } from './routes.ts';

/** The feature. */
export const clips = defineFeature<ClipsApi>({
  name: 'clips',
  routes: clipRoutes,
  after: timelineRoutes,
  adds: { refusals: clipRefusals, events: clipEvents },
  async open({ clock, log }, { store, changes, bus, recordings, catalog, accounts, hooks }) {
    const { users, watch, exporters } = accounts.access;
    const table = await ClipTable.open(store.db, changes);
    const served = new ServedClips({
      clips: table,
      catalog,
      clock,
      events: bus,
      sign: (name, expiresMs) => watch.sign(name, expiresMs),
      nameOf: (owner) => (owner.startsWith('user:') ? users.find(owner.slice(5))?.name : undefined),
    });
    recordings.kept.add(createClipKeeper({ clips: table, catalog, clock, events: bus, log }));
    hooks.clips = {
      facts: (id) => served.facts(id),
      stored(id) {
        const clip = table.find(id);
        if (!clip) return undefined;
        const { streamId, title, fromUs, toUs, lostUs } = clip;
        return { streamId, title, fromMs: fromUs / 1000, toMs: toUs / 1000, isLost: lostUs !== undefined };
      },
      streamOf: (id) => table.streamOf(id),
    };
    hooks.clipMaker = served;
    exporters.add('clips', (user) =>
      Promise.all(
        table.newestFirst
          .filter(({ owner }) => owner === `user:${user}`)
          // The stream may be with another node.
          .map(async (clip) => exportOf(clip, await readStreamName(store.db, clip.streamId))),
      ),
    );
    return { own: served };
  },
});

/** A clip in the data export of a user. */
function exportOf({ id, title, fromUs, toUs, visibility, createdUs }: Clip, stream: string | undefined) {
  return {
    id,
    stream: stream ?? null,
    title,
    from: printRfc3339(fromUs / 1000),
    to: printRfc3339(toUs / 1000),
    visibility,
    createdAt: printRfc3339(createdUs / 1000),
  };
}
