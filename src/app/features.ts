/**
 * The features of oxbow: the one list, in the order in which they open, and the table of routes with theirs.
 * In: the folders of src/features. Out: all routes; open features.
 */

import { noClipMaker, noClips } from '../api/clips/clips-api.ts';
import { noEdgePurges } from '../api/deletions/edge-purge-shapes.ts';
import { noGapNotes } from '../api/healing/gap-notes.ts';
import { noInsight } from '../api/insight/no-insight.ts';
import { noRooms } from '../api/room/room-reading.ts';
import { noSteerer } from '../api/steering/steering-shapes.ts';
import { alarms } from '../features/alarms/feature.ts';
import { angles } from '../features/angles/feature.ts';
import { cameras } from '../features/cameras/feature.ts';
import { cases } from '../features/cases/feature.ts';
import { channel } from '../features/channel/feature.ts';
import { clips } from '../features/clips/feature.ts';
import type { AppContext, Hooks } from '../features/core.ts';
import { erase } from '../features/erase/feature.ts';
import { evidence } from '../features/evidence/feature.ts';
import { exports } from '../features/exports/feature.ts';
import type { CoreParts, Feature, OpenFeature } from '../features/feature.ts';
import { healing } from '../features/healing/feature.ts';
import { insight } from '../features/insight/feature.ts';
import { inspect } from '../features/inspect/feature.ts';
import { iptv } from '../features/iptv/feature.ts';
import { liveWorkers } from '../features/live-workers/feature.ts';
import { marks } from '../features/marks/feature.ts';
import { mixer } from '../features/mixer/feature.ts';
import { mqtt } from '../features/mqtt/feature.ts';
import { peers } from '../features/peers/feature.ts';
import { pictures } from '../features/pictures/feature.ts';
import { push } from '../features/push/feature.ts';
import { relays } from '../features/relays/feature.ts';
import { reports } from '../features/reports/feature.ts';
import { rewound } from '../features/rewound/feature.ts';
import { rooms } from '../features/rooms/feature.ts';
import { steering } from '../features/steering/feature.ts';
import { television } from '../features/television/feature.ts';
import { vault } from '../features/vault/feature.ts';
import { verify } from '../features/verify/feature.ts';
import { routesWith } from '../http/routes/table.ts';
import { Emitter } from '../lib/events.ts';
import { noChannels } from '../streams/source/channel-source.ts';
import { noRemoteEncoders } from '../transcode/live/remote/remote-encoders.ts';

/** Every feature. One that is not here does not exist. */
export const features: readonly Feature[] = [
  marks,
  iptv,
  erase,
  clips,
  channel,
  exports,
  evidence,
  cases,
  angles,
  alarms,
  healing,
  insight,
  rewound,
  reports,
  relays,
  mixer,
  inspect,
  pictures,
  verify,
  mqtt,
  cameras,
  steering,
  peers,
  television,
  push,
  liveWorkers,
  vault,
  rooms,
];

/** Every route of the API and the health endpoints, in the order of the reference. */
export const routes = routesWith(features);

/** Further HTTP interfaces of features. */
export const additions = features.flatMap((feature) => feature.additions ?? []);

/** Hooks in which nothing takes part yet. */
export function createHooks(): Hooks {
  return {
    measured: new Emitter(),
    horizons: new Set(),
    shown: new Set(),
    clips: noClips,
    clipMaker: noClipMaker,
    edgePurges: noEdgePurges,
    gapNotes: noGapNotes,
    insight: noInsight,
    steering: noSteerer,
    channels: noChannels,
    rooms: noRooms,
    remoteEncoders: noRemoteEncoders,
    abilities: new Map(),
    fileJobs: new Set(),
    beforeUpload: new Set(),
  };
}

export interface OpenFeatures {
  /** What each has for its routes, by name. */
  readonly own: ReadonlyMap<string, unknown>;
  /** Starts what runs once the streams are open. */
  start(): Promise<void>;
}

/** Opens all, each after the one before it. */
export async function openFeatures(app: AppContext, parts: CoreParts): Promise<OpenFeatures> {
  const opened = new Map<string, OpenFeature<unknown>>();
  for (const { name, open } of features) opened.set(name, await open(app, parts));
  return {
    own: new Map([...opened].map(([name, { own }]) => [name, own])),
    async start() {
      for (const feature of opened.values()) await feature.start?.();
    },
  };
}
