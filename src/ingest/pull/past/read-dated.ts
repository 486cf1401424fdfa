/**
 * Reads the part of an HLS source that overlaps a stretch of time: what a live playlist still lists of the
 * past, or a playlist of the past. Nothing is polled: each playlist is loaded once.
 * In: the URL of a Media or Multivariant Playlist, a stretch. Out: demuxed segments with their audio, and the
 * UTC offset of each by its date. RFC 8216bis 6.3.
 */
import { ticksToUs } from '@oxbow/media/run';
import { OxbowError } from '../../../lib/errors.ts';
import { parseQuality } from '../../../lib/quality.ts';
import type { PullContext } from '../context.ts';
import { type AudioConverter, convertAudio } from '../convert/convert-audio.ts';
import { convertVideo, type VideoConverter } from '../convert/convert-video.ts';
import { LowLatency } from '../playlist/low-latency.ts';
import { fetchPlaylist } from '../playlist/playlist-fetch.ts';
import type { PlaylistLocation } from '../playlist/poll-state.ts';
import { SourceReturn } from '../playlist/source-return.ts';
import { noCounters } from '../pull-log.ts';
import { openAccess, type PullOptions } from '../pull-options.ts';
import { AudioRenditions } from '../rendition/audio-renditions.ts';
import { readRendition } from '../rendition/rendition.ts';
import { SourceResolver } from '../rendition/source-resolver.ts';
import { KeyStore } from '../segment/key-store.ts';
import type { QueuedSegment } from '../segment/queued-segment.ts';
import type { MediaGroup } from '../segment/segment-demux.ts';
import { type DatedRange, datedPart } from './dated-part.ts';

/** How long a segment that fails is requested again, ms: a later attempt may get it. */
const LIMITS = { minWaitMs: 10_000, endedWaitMs: 10_000 } as const;
/** Longest wait for the audio of a segment, target durations. */
const AUDIO_WAIT = 2;

export interface DatedReadOptions extends Pick<PullOptions, 'url' | 'headers' | 'userAgent' | 'net' | 'clock' | 'log'> {
  /** An administrator entered the URL, so its host may be private. */
  readonly trusted: boolean;
  /** As of a pull; default `best`. */
  readonly quality?: string | undefined;
  readonly converter?: AudioConverter | undefined;
  readonly videoConverter?: VideoConverter | undefined;
}

/** A group of frames with its time. */
export interface DatedFrames extends Pick<MediaGroup, 'tracks' | 'frames'> {
  /** By the date of its segment: UTC = offset + pts, µs since 1970. */
  readonly utcOffsetUs: number;
  /** It does not continue the group before it. */
  readonly discontinuity: boolean;
}

/** The part of a source. */
export interface DatedMedia {
  /** From when to when its playlist reaches, ms since 1970; undefined: it has no dates. */
  readonly reach: DatedRange | undefined;
  /** Segments of the stretch, and those that are listed with EXT-X-GAP. */
  readonly segments: number;
  readonly gaps: number;
  /**
   * In order; read once. Segments that could not be had are left out.
   *
   * @throws as `readDated`; `source-failed` at the end if segments were left out
   */
  readonly media: AsyncIterable<DatedFrames>;
}

/**
 * Loads the playlists of a source. Nothing else is requested before `media` is read; leaving its loop early
 * ends all requests.
 *
 * @throws OxbowError `source-failed`, `unsupported-media`, `address-refused`; FormatError for a malformed
 *   playlist; the signal's reason when aborted
 */
export async function readDated(
  options: DatedReadOptions,
  range: DatedRange,
  { signal }: { signal: AbortSignal },
): Promise<DatedMedia> {
  const context = contextOf(options, signal);
  const source = new SourceResolver(context, {
    quality: parseQuality(options.quality ?? ''),
    qualities: 'best',
    mpeg2: options.videoConverter !== undefined,
    locate: undefined,
    onFound() {},
    signal,
  });
  const locations = await source.find();
  const partOf = async (location: PlaylistLocation) => {
    const { url, imports } = location;
    const loaded = location.loaded ?? (await fetchPlaylist(url, context, { signal, imports }));
    if (loaded.parsed.kind !== 'media') throw new OxbowError('source-failed', 'The playlist lists other playlists.');
    const part = datedPart(loaded.parsed.playlist, range);
    const parsed = { ...loaded.parsed, playlist: part.playlist };
    return { ...part, location: { ...location, loaded: { ...loaded, parsed } } };
  };
  const video = await partOf(locations.video);
  const audios = [];
  for (const { rendition, location } of locations.audios) {
    const audio = await partOf(location);
    if (!audio.reach) throw new OxbowError('unsupported-media', 'The playlist of its audio has no dates.');
    audios.push({ rendition, location: { first: audio.location } });
  }
  const audio = new AudioRenditions(audios, locations.choice?.inBand, context, () => {});
  return {
    reach: video.reach,
    segments: video.playlist.segments.length,
    gaps: video.gaps,
    media: readFrames(options, context, { video: video.location, audio }, signal),
  };
}

function contextOf(options: DatedReadOptions, signal: AbortSignal): PullContext {
  const { clock, log } = options;
  const input = { startRun() {}, publish() {}, flush() {}, absent() {}, damage() {} };
  const access = openAccess({ ...options, input });
  return {
    access,
    keys: new KeyStore(access, { signal }),
    clock,
    log,
    counters: noCounters,
    hadUntilMs: undefined,
    fromMs: 0,
    limits: LIMITS,
    awaitReturn: false,
    wasLive: false,
    fromPage: false,
    sourceReturn: new SourceReturn(),
    lowLatency: new LowLatency(log),
    mpeg2: options.videoConverter !== undefined,
  };
}

async function* readFrames(
  { converter, videoConverter }: DatedReadOptions,
  context: PullContext,
  { video, audio }: { readonly video: PlaylistLocation; readonly audio: AudioRenditions },
  outer: AbortSignal,
): AsyncGenerator<DatedFrames, void> {
  const controller = new AbortController();
  const signal = AbortSignal.any([outer, controller.signal]);
  const running = audio.run({ signal });
  let isBroken = true;
  let lost = '';
  try {
    const items = readRendition({ first: video }, context, { signal });
    for await (const item of convertVideo(items, videoConverter, { signal })) {
      if (item.kind === 'absent') {
        isBroken = true;
        lost = item.detail;
        if (item.cause === 'source-down') break;
        continue;
      }
      const { segment, media } = item;
      const joined = await audio.join(media, segment, AUDIO_WAIT * 1000 * segment.targetDurationS, { signal });
      const playable = await convertAudio(joined, converter, { signal });
      let offsetUs = 0;
      for (const group of playable.groups) {
        const place = placeOf(segment, group, group.offsetUs ?? offsetUs);
        if (!place) continue;
        offsetUs = place.endUs;
        const { tracks, frames } = group;
        yield { tracks, frames, utcOffsetUs: place.utcOffsetUs, discontinuity: isBroken || segment.discontinuity };
        isBroken = false;
      }
    }
    if (lost !== '') throw new OxbowError('source-failed', `Segments of the source could not be had: ${lost}.`);
  } finally {
    controller.abort(new Error('the part is read'));
    await running;
  }
}

/** The UTC offset of a group by the date of its segment, and where the group ends in it, µs. */
function placeOf(
  segment: QueuedSegment,
  { tracks, frames }: MediaGroup,
  offsetUs: number,
): { readonly utcOffsetUs: number; readonly endUs: number } | undefined {
  const reference = tracks.find(({ kind }) => kind === 'video') ?? tracks.find(({ kind }) => kind === 'audio');
  const own = frames.filter(({ trackId }) => trackId === reference?.id);
  const first = own[0];
  if (!reference || !first || segment.programDateTimeMs === undefined) return undefined;
  const { timescale } = reference;
  const lengthUs = own.reduce((sum, { duration }) => sum + ticksToUs(duration, timescale), 0);
  const utcOffsetUs = Math.round(segment.programDateTimeMs * 1000 + offsetUs - ticksToUs(first.pts, timescale));
  return { utcOffsetUs, endUs: offsetUs + lengthUs };
}
