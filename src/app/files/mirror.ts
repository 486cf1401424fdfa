/**
 * Opens the mirror: what is recorded goes to a target within seconds, where `storage.mode` is `mirror`.
 * In: the context, the object stores, the catalog. Out: Mirror; log lines, events, metrics, a health check.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { MirrorView } from '../../api/admin-shapes.ts';
import type { TieredStore } from '../../archive/objects/open-tiered.ts';
import { listRecordings, namedChunkOf } from '../../archive/recording-locations.ts';
import type { SegmentLocation, SegmentPrefix, SegmentStore } from '../../archive/segment-store.ts';
import { nodeName } from '../../config/sections/cluster-section.ts';
import type { AppContext, Objects, Parts } from '../../features/core.ts';
import { OxbowError } from '../../lib/errors.ts';
import { Mirror } from '../../recording/mirror/mirror.ts';
import { restoreMirrors } from '../../recording/mirror/mirror-restore.ts';
import type { Store } from '../../store/db.ts';
import { readNames } from '../../streams/stream-table.ts';
import { openMirrorServer } from './mirror-server.ts';

/** The name of the objects of a server that is no node. */
const OWNER = 'server';
/** A target that is behind by more than this, and four pauses, is reported, ms. */
const BEHIND_MS = 10_000;
const PAUSES = 4;
/** More than a file has. */
const MAX_SEGMENTS = 1000;
/** The start waits no longer for what is restored, ms. */
const RESTORE_MS = 120_000;

/** The name of this server, or of its cluster, in object stores. @throws as `openMirrorServer` */
export function nameServer({ config, dataFolder, process: part, shutdown }: AppContext): Promise<string> {
  const secret = part ? undefined : config.cluster.secret;
  return openMirrorServer(dataFolder, secret === '' ? undefined : secret, shutdown);
}

/** Names this process. */
const RUN = randomBytes(9).toString('base64url');

/** See `ServerName`. */
export function runOf({ config, process: part }: AppContext): string | undefined {
  return part || config.cluster.secret !== '' ? undefined : RUN;
}

/** Opens the mirror. It sends nothing before `startMirror`. */
export function openMirror(
  app: AppContext,
  { index, targets, deletions }: TieredStore,
  files: Pick<SegmentStore, 'read'>,
  server: string,
): Mirror {
  const { config, settings, process: part, clock, log, metrics, failed } = app;
  return new Mirror({
    files,
    objects: index,
    targets,
    remove: (target, keys) => deletions.addMirrored(target, keys),
    owner: part?.link.start.name ?? nodeName(config) ?? OWNER,
    server: { id: server, host: hostname(), run: runOf(app) },
    clock,
    everyMs: () => settings.now.storage.mirrorEvery,
    keepsLog(target) {
      const { mode, mirrorArchive } = settings.now.storage;
      // Viewers who are sent to the place need whole files there.
      return mode === 'mirror' && mirrorArchive === 'log' && targets.find(target)?.direct !== 'redirect';
    },
    report: {
      sent: (target, bytes) => metrics.mirrorSentBytes.inc({ target }, bytes),
      ended: (target, result) => metrics.mirrorRequests.inc({ target, result }),
      changed(target, problem) {
        if (problem === undefined) log.info({ target }, 'the mirror works again: it sends what is on the disk');
        else log.error({ target, problem }, 'the mirror fails: recording continues, without a second copy');
      },
      failed: failed('mirroring to an object store'),
    },
  });
}

/**
 * Restores what only the mirror of this server or node has, if its data folder is new and its database is
 * not: another machine takes the place of one that is lost. What fails is logged, and the start continues.
 */
export async function restoreLost(
  { config, process: part, log, shutdown }: AppContext,
  tiered: TieredStore,
  { db }: Pick<Store, 'db'>,
  files: SegmentStore,
): Promise<void> {
  if (config.storage.mode !== 'mirror' || part) return;
  if ((await listRecordings(files)).length > 0 || (await readNames(db)).size === 0) return;
  const signal = AbortSignal.any([shutdown.signal, AbortSignal.timeout(RESTORE_MS)]);
  try {
    const restored = await restoreMirrors(tiered, { signal, owner: nodeName(config) ?? OWNER, seals: true });
    if (restored.files + restored.segments > 0)
      log.warn(restored, 'the data folder was empty: restored what the mirror has');
  } catch (error) {
    shutdown.signal.throwIfAborted();
    log.error({ err: error }, 'the data folder is empty, and the mirror cannot be read: run oxbow doctor --rebuild');
  }
}

/** Mirrors until the shutdown. @param targetOf where the files of a stream go; undefined: nowhere */
export function startMirror(
  app: AppContext,
  objects: Objects,
  { recordings, catalog, health }: Pick<Parts, 'recordings' | 'catalog' | 'health'>,
  targetOf: (streamId: string) => string | undefined,
): void {
  const { settings, opened, shutdown, metrics, failed } = app;
  const { mirror } = objects;
  mirror.route((streamId) => {
    if (settings.now.storage.mode !== 'mirror') return undefined;
    return catalog.definitionOf(streamId)?.record === true ? targetOf(streamId) : undefined;
  });
  opened.defer(
    recordings.deleted.subscribe((prefix) => {
      mirror
        .forget(prefix, { isRequested: isRequested(recordings, prefix) })
        .catch(failed('deleting objects of a mirror'));
    }),
  );
  opened.defer(
    metrics.beforeScrape(() => {
      for (const { target, behindMs, behindBytes, objects: count } of mirror.states) {
        metrics.mirrorBehindSeconds.set({ target }, behindMs / 1000);
        metrics.mirrorBehindBytes.set({ target }, behindBytes);
        metrics.mirrorObjects.set({ target }, count);
      }
    }),
  );
  opened.defer(health.register('mirror', () => checkMirror(app, mirror), { ready: false, degrades: true }));
  opened.use(shutdown.owns(mirror.run(shutdown)));
}

/** Whether a deletion is not one of retention: a stream was deleted, or a range of it. */
function isRequested({ erasures }: Pick<Parts['recordings'], 'erasures'>, prefix: SegmentPrefix): boolean {
  if (prefix.endsWith('/')) return true;
  const file = namedChunkOf(prefix as SegmentLocation);
  if (!file) return false;
  const lastMsn = file.firstMsn + MAX_SEGMENTS;
  return erasures.of(file.id).some((range) => range.firstMsn <= lastMsn && range.lastMsn >= file.firstMsn);
}

/** The health check. @throws OxbowError `storage-failed` while a target is behind */
function checkMirror({ settings }: AppContext, mirror: Mirror): string {
  const limitMs = BEHIND_MS + PAUSES * settings.now.storage.mirrorEvery;
  const late = mirror.states.filter(({ behindMs }) => behindMs > limitMs);
  if (late.length > 0) {
    const sentences = late.map(({ target, behindMs, problem }) => {
      return `${target} is ${Math.round(behindMs / 1000)} s behind${problem === undefined ? '' : ` (${problem})`}`;
    });
    throw new OxbowError('storage-failed', `${sentences.join('; ')}.`);
  }
  const streams = mirror.states.reduce((sum, { streams: count }) => sum + count, 0);
  return streams === 0 ? 'off' : `${streams} ${streams === 1 ? 'stream' : 'streams'}`;
}

/** The JSON of the mirror in a target; null if no stream is mirrored there. */
export function describeMirror({ mirror }: Pick<Objects, 'mirror'>, target: string): MirrorView | null {
  const state = mirror.states.find((each) => each.target === target);
  if (!state) return null;
  const { streams, behindMs, behindBytes, objects, problem } = state;
  return { streams, behindSeconds: Math.round(behindMs / 100) / 10, behindBytes, objects, problem: problem ?? null };
}
