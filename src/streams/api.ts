/**
 * The streams as HTTP meets them.
 * In: names and settings that HTTP has checked. Out: the shapes of api/shapes.
 */
import type { GapView, StreamSettings, StreamView, TimelineView } from '../api/shapes.ts';
import { coarsen } from '../recording/coarse.ts';
import { readTimeline } from '../recording/timeline.ts';
import type { Catalog } from './catalog.ts';
import type { House } from './house.ts';
import type { ManagedStream } from './managed-stream.ts';
import { createMarksApi, type MarksApi } from './marks.ts';
import { type Precondition, revisionOf } from './revision.ts';
import { timelineViewOf, viewOf } from './views.ts';

/** What the API may ask of streams; http/deps names the same calls. */
export interface StreamsApi extends MarksApi {
  list(): Promise<readonly StreamView[]>;
  get(name: string): Promise<StreamView | undefined>;
  create(name: string, settings: StreamSettings): Promise<StreamView>;
  replace(
    name: string,
    settings: StreamSettings,
    check?: Precondition,
  ): Promise<{ view: StreamView; created: boolean }>;
  remove(name: string, options: { recordings: 'keep' | 'delete'; check?: Precondition | undefined }): Promise<void>;
  revision(name: string): string | undefined;
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  restart(name: string): Promise<void>;
  timeline(name: string, fromMs: number, toMs: number, resS?: number): Promise<TimelineView>;
  gaps(name: string, fromMs: number, toMs: number): Promise<readonly GapView[]>;
  isPrivate(name: string): boolean;
  isMadePublic(name: string): boolean;
}

/**
 * Makes the API of a catalog.
 *
 * @param viewersOf how many watch a stream now
 */
export function createStreamsApi(
  house: House,
  catalog: Catalog,
  viewersOf: (name: string) => number = () => 0,
): StreamsApi {
  const view = async (stream: ManagedStream) =>
    viewOf(stream, await house.table.totals(stream.definition.id), viewersOf(stream.name));
  const { marksBetween, ...marks } = createMarksApi(house, catalog);
  const timeline = async (name: string, fromMs: number, toMs: number, resS = 0) => {
    const stream = catalog.get(name);
    const [fromUs, toUs] = [fromMs * 1000, toMs * 1000];
    const read = await readTimeline(stream.recorded, house.table, stream.timelineEnd, fromUs, toUs);
    const coarse = coarsen(read, resS);
    const set = await marksBetween(stream.definition.id, fromUs, toUs, coarse.resS);
    return timelineViewOf(coarse, set, (us) => stream.settled(us), stream.definition.source);
  };
  return {
    ...marks,
    async list() {
      catalog.assertOpen();
      return Promise.all(catalog.all.map(view));
    },
    async get(name) {
      const stream = catalog.lookUp(name);
      return stream && view(stream);
    },
    create: async (name, settings) => view(await catalog.create(name, settings)),
    async replace(name, settings, check) {
      const { stream, created } = await catalog.replace(name, settings, check);
      return { view: await view(stream), created };
    },
    revision(name) {
      const stream = catalog.find(name);
      return stream && revisionOf(stream.definition);
    },
    remove: (name, options) => catalog.remove(name, options),
    start: (name) => catalog.start(name),
    stop: (name) => catalog.stop(name),
    restart: (name) => catalog.restart(name),
    timeline,
    gaps: async (name, fromMs, toMs) => (await timeline(name, fromMs, toMs)).gaps,
    isPrivate(name) {
      const visibility = catalog.find(name)?.definition.visibility;
      return visibility === 'private' || visibility === 'signed';
    },
    isMadePublic(name) {
      const definition = catalog.find(name)?.definition;
      return definition?.visibility === 'public' && definition.visibilityIsSet;
    },
  };
}
