/**
 * Opens delivery: the router of media requests, caches, and the count of viewers.
 * In: the context, recordings, streams. Out: Delivery.
 */
import type { Config } from '../config/schema.ts';
import { AssetPictures } from '../delivery/asset/asset-pictures.ts';
import { AssetTexts } from '../delivery/asset/asset-texts.ts';
import type { SavedClip } from '../delivery/clip/saved-clip.ts';
import { EncryptedReplies } from '../delivery/encryption/encrypted-replies.ts';
import { createLiveLookup } from '../delivery/live/live-lookup.ts';
import { findWindow } from '../delivery/live/quality-window.ts';
import { SegmentCache } from '../delivery/live/segment-cache.ts';
import { createMediaRouter } from '../delivery/media-router.ts';
import { unruled } from '../delivery/rules/viewer-guard.ts';
import type { ServedStream } from '../delivery/served-stream.ts';
import { Stills } from '../delivery/stills.ts';
import { type EndedPlayback, Viewers } from '../delivery/viewers.ts';
import type { AppContext, Delivery, Hooks, Parts } from '../features/core.ts';
import { makeSheet, makeStill, makeTile } from '../ffmpeg/engine.ts';
import type { Catalog } from '../streams/catalog.ts';

export function openDelivery(
  { settings, opened, shutdown, clock, metrics, telemetry }: AppContext,
  {
    recordings: { reader, segments, deleted, objects, evidence },
    streams: { catalog, contentKeys },
    library,
    hooks,
  }: Pick<Parts, 'recordings' | 'streams' | 'library' | 'hooks'>,
): Delivery {
  const segmentCache = new SegmentCache(reader);
  opened.defer(deleted.subscribe((prefix) => segmentCache.forget(prefix)));
  const encrypted = opened.use(new EncryptedReplies({ reader, metrics }));
  const defaultStream = () => defaultStreamOf(settings.now, catalog);
  return {
    answer: createMediaRouter({
      find: (name) => catalog.lookUpHere(name)?.served,
      clock,
      reader,
      segmentCache,
      encrypted,
      stills: new Stills({ makeStill, reader, signal: shutdown.signal }),
      clips: { find: (id) => findClip(id, hooks, catalog) },
      evidence,
      assets: {
        find: (id) => library.media.find(id),
        reader,
        keysOf: ({ id, encryption }) => contentKeys.ofAsset(id, encryption ?? settings.now.encryption.assets),
        texts: new AssetTexts(segments),
        pictures: new AssetPictures({
          makeStill,
          sheets: { makeTile, makeSheet },
          reader,
          segments,
          signal: shutdown.signal,
        }),
      },
      metrics,
      isDirect(streamId) {
        const target = streamId === undefined ? undefined : catalog.definitionOf(streamId)?.storage;
        return objects?.targets.find(target ?? settings.now.storage.target)?.direct === 'redirect';
      },
      defaultStream() {
        const name = defaultStream();
        if (name === undefined) catalog.assertOpen();
        return name;
      },
    }),
    lookup: createLiveLookup(
      (name) => findWindow<ServedStream>((stream) => unruled(catalog.find(stream)?.served), name),
      segmentCache,
      encrypted,
    ),
    segmentCache,
    viewers: new Viewers({
      nowMs: () => clock.monotonicMs(),
      onOver: () => metrics.viewersOver.inc(),
      onPlayed: (playback) => tracePlayback(telemetry, playback),
    }),
    defaultStream,
  };
}

/** The span of a player's session, by its reports. */
function tracePlayback(telemetry: AppContext['telemetry'], playback: EndedPlayback): void {
  const { stream, tookMs, agoMs, startupMs, stalls, hasFailed, last } = playback;
  telemetry.ended({
    kind: 'playback',
    name: 'play',
    tookMs,
    agoMs,
    attributes: {
      'oxbow.stream': stream,
      'oxbow.playback.live': last.isLive,
      'oxbow.playback.startup_ms': startupMs,
      'oxbow.playback.stalls': stalls,
      'oxbow.playback.latency_ms': last.latencyMs,
      'oxbow.playback.rendition': last.rendition,
      'error.type': hasFailed ? 'playback' : undefined,
    },
    error: hasFailed ? 'the player reported a fatal error' : undefined,
  });
}

/** A clip with its media and its stream. */
function findClip(id: string, { clips }: Hooks, catalog: Catalog): SavedClip | undefined {
  const clip = clips.facts(id);
  const stream = clip && !clip.isLost ? catalog.lookUp(clip.stream)?.served : undefined;
  const usOf = (ms: number) => Math.round(ms * 1000);
  return stream && { stream, fromUs: usOf(clip!.fromMs), toUs: usOf(clip!.toMs), title: clip!.title };
}

/** The stream of the setting, otherwise the first of the settings, otherwise the one created first. */
function defaultStreamOf({ defaultStream, streams }: Config, catalog: Catalog): string | undefined {
  if (defaultStream !== '') return defaultStream;
  const [configured] = Object.keys(streams);
  return configured ?? [...catalog.all].sort((a, b) => a.served.createdUs - b.served.createdUs)[0]?.name;
}
