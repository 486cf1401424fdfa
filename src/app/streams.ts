/**
 * Opens the streams: the catalog, the sources and the prober.
 * In: the context, recordings, events, net, disk. Out: Streams.
 */
import { openContentSecret } from '../accounts/content-secret.ts';
import { Leases } from '../cluster/lease/lease.ts';
import { createLocalLeases } from '../cluster/lease/local-leases.ts';
import { ContentKeyring } from '../delivery/encryption/keyring.ts';
import { cpixServer } from '../delivery/key-server/cpix-server.ts';
import { ServedKeys } from '../delivery/key-server/served-keys.ts';
import { webhookServer } from '../delivery/key-server/webhook-server.ts';
import type { AppContext, Parts, Streams } from '../features/core.ts';
import { openAudioTranscoder } from '../ffmpeg/audio-transcoder.ts';
import { closeEngine, makeKeyPicture, measureSound, readLuma } from '../ffmpeg/engine.ts';
import { openLiveEncoder } from '../ffmpeg/live-ladder.ts';
import { OncePer } from '../lib/once-per.ts';
import { MemoryBudget } from '../live/memory-budget.ts';
import type { Net } from '../net/net.ts';
import { netAbout } from '../net/traced.ts';
import { StreamControl } from '../streams/catalog/stream-control.ts';
import { ContentMode } from '../streams/content/content-mode.ts';
import { NO_ROOM } from '../streams/disk.ts';
import type { ManagedStream } from '../streams/managed-stream.ts';
import { reloadRows } from '../streams/record/reload-rows.ts';
import { StoryboardQueue } from '../streams/record/storyboard-queue.ts';
import { createProber } from '../streams/source/limited-prober.ts';
import { runSource } from '../streams/source/sources.ts';
import type { StreamDeps } from '../streams/stream-deps.ts';
import { StreamTraces } from '../streams/traces/stream-traces.ts';
import { watchSecretOf } from './accounts.ts';

/** Failures of the key server are logged this often, ms: players try again every second. */
const REPORTED_EVERY_MS = 30_000;

/**
 * Creates the catalog; `control.open` starts the streams.
 *
 * @param options.signal aborts the start
 * @throws OxbowError `bad-setting` for a secret of content keys that is too short
 */
export async function openStreams(
  app: AppContext,
  {
    store,
    net,
    bus,
    disk,
    recordings,
    cluster,
    placement,
    encoders,
    hooks,
  }: Pick<Parts, 'store' | 'net' | 'bus' | 'disk' | 'recordings' | 'cluster' | 'placement' | 'encoders' | 'hooks'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<Streams> {
  const { settings, opened, shutdown, clock, log, metrics, failed, telemetry } = app;
  const contentKeys = await openContentKeys(app, net);
  const engines = { openAudioTranscoder, openVideoEncoder: openLiveEncoder };
  const sources = { awaitReturn: true, ...engines, settings, clock, log, metrics, net };
  const queue = new StoryboardQueue({
    monotonicMs: () => clock.monotonicMs(),
    failed: failed('decoding a small picture or a second of sound'),
    processes: app.process?.link.start.names.length,
  });
  opened.defer(metrics.beforeScrape(() => metrics.storyboardsWaiting.set(queue.length)));
  // A stream with its own folder does not depend on the disk of the data folder.
  const pauseOf = (streamId: string) => recordings.folders?.pauseOf(streamId) ?? (disk.now().hasRoom ? '' : NO_ROOM);
  const traces = new StreamTraces(telemetry, () => clock.monotonicMs());
  const contentMode = new ContentMode(settings);
  const deps: StreamDeps = {
    traces,
    recordings,
    contentKeys,
    room: { mayWrite: (streamId) => pauseOf(streamId) === '', noRoom: pauseOf },
    engines: {
      encoders,
      remote: () => hooks.remoteEncoders,
      storyboardMaker: { queue, makePicture: makeKeyPicture },
      content: { mode: contentMode, queue, readLuma, measureSound },
    },
    settings,
    clock,
    log,
    metrics,
    store,
    placement,
    reload: (streamId) => reloadRows({ ...recordings, store }, streamId),
    leases: new Leases({
      // In a cluster that shares streams, only the owner of a stream has its publishers.
      store: cluster && placement.node === '' ? cluster.leases(createLocalLeases(clock)) : createLocalLeases(clock),
      clock,
      failed: failed('a lease'),
    }),
    memory: new MemoryBudget(settings.now.live.memory.total, undefined, (view) =>
      log[view.level >= 75 ? 'warn' : 'info'](view, 'the memory of waiting frames reached another level'),
    ),
    events: bus,
    runSource(definition, input, options) {
      const { id, name: stream } = definition;
      const sourceDeps = {
        ...sources,
        channels: hooks.channels,
        net: netAbout(net, { stream, session: () => traces.sessionOf(id) }),
      };
      return runSource(sourceDeps, definition, input, options);
    },
  };
  opened.defer(() => closeEngine());
  const control = new StreamControl(deps, { signal: AbortSignal.any([signal, shutdown.signal]) });
  opened.defer(() => control.close());
  const { catalog } = control;
  recordings.folders?.follow(catalog);
  return { deps, control, catalog, contentKeys, contentMode, probe: createProber(sources, shutdown.signal) };
}

/** @throws OxbowError `bad-setting` for a secret that is too short */
async function openContentKeys(app: AppContext, net: Net): Promise<ContentKeyring> {
  const { config, dataFolder, process: part, shutdown, clock, failed } = app;
  const { secret, keyEvery, clearKey, keyServer } = config.encryption;
  const { watchSecret, clusterSecret } = watchSecretOf(config, part);
  const serverSecret = await openContentSecret(secret, dataFolder, watchSecret, clusterSecret);
  const publicUrl = (config.publicUrl ?? '').replace(/\/+$/, '');
  const { url, kind, token, timeout } = keyServer;
  const address = url === undefined ? undefined : { url, token, timeoutMs: timeout };
  const server = address && (kind === 'cpix' ? cpixServer(net, address) : webhookServer(net, address));
  const report = failed('requesting a content key');
  const reports = new OncePer(REPORTED_EVERY_MS, () => clock.monotonicMs());
  const served =
    server && new ServedKeys({ server, signal: shutdown.signal, failed: (error) => reports.call(() => report(error)) });
  return new ContentKeyring(serverSecret, keyEvery, {
    settings: {
      hasClearKey: clearKey === 'auto' ? !served : clearKey !== 'off',
      isServed: served !== undefined,
      publicUrl,
      ...(clearKey === 'identity' && { clearKeyFormat: 'identity' }),
    },
    sourceOf: served && ((owner) => served.sourceOf(owner)),
  });
}

/** Names of the streams whose last media is not on the disk. */
export function unwritten({ catalog }: Streams): string[] {
  const isWritten = ({ status, files, stream }: ManagedStream) =>
    status.isClosed && files.isQuiet && !stream.placement.context;
  return catalog.all.filter((each) => !isWritten(each)).map(({ name }) => name);
}
