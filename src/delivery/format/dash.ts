/**
 * The DASH manifest (MPD) of a window: a Period for each run, Representations of one track each, segments under their permanent
 * addresses. UTC = availabilityStartTime + Period@start + (media time − presentationTimeOffset).
 * In: a presentation without a live edge. Out: XML. ISO 23009-1 5.3; docs/media.md 19. Pure.
 */
import type { Track } from '../../media/frame.ts';
import { mediaOf, type Presentation, type PresentationSegment } from '../../media/presentation.ts';
import { codecsOf, type Rendition, renditionsOf } from '../../media/rendition-set.ts';
import { usToTicks } from '../../media/run.ts';
import type { Init } from '../../media/segment.ts';
import { parseTextHeader } from '../../media/webvtt/traits.ts';
import { SegmentTimes } from './dash-times.ts';
import { type Attributes, element, printDateTime, printDuration } from './xml.ts';

/** suggestedPresentationDelay of a growing window, target durations. */
const DELAY_TARGETS = 3;
/** Channel configurations of ISO 23091-3 that are not the number of channels. */
const CHANNEL_CONFIGURATIONS: Readonly<Record<number, number>> = { 7: 11, 8: 12 };
const ROLE = 'urn:mpeg:dash:role:2011';
const CHANNELS = 'urn:mpeg:mpegB:cicp:ChannelConfiguration';

/** The segments of one run. */
interface Period {
  readonly run: number;
  readonly init: Init;
  readonly utcOffsetUs: number;
  readonly startUs: number;
  readonly sets: readonly { readonly rendition: Rendition; readonly times: SegmentTimes }[];
}

/**
 * Prints the manifest.
 *
 * @param base folder of the stream's renditions relative to the manifest, with a slash at its end
 */
export function dashManifest(presentation: Presentation, base: string): string {
  const { ended, targetDurationS } = presentation;
  const { periods, endUs, longestUs } = collect(presentation);
  const startUs = periods[0]?.startUs ?? 0;
  const description = presentation.describe();
  const bandwidthOf = (rendition: Rendition) => Math.max(1, Math.ceil(description.bandwidthOf(rendition)));
  const hasLists = periods.some(({ sets }) => sets.some(({ times }) => !times.isContiguous));
  const attributes: Attributes = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    profiles: `urn:mpeg:dash:profile:${hasLists ? 'full' : 'isoff-live'}:2011`,
    type: ended ? 'static' : 'dynamic',
    availabilityStartTime: printDateTime(startUs),
    ...(ended
      ? { mediaPresentationDuration: printDuration(endUs - startUs) }
      : {
          publishTime: printDateTime(endUs),
          minimumUpdatePeriod: `PT${targetDurationS}S`,
          suggestedPresentationDelay: `PT${DELAY_TARGETS * targetDurationS}S`,
        }),
    minBufferTime: `PT${targetDurationS}S`,
    maxSegmentDuration: printDuration(longestUs),
  };
  const body = periods.map((period) => printPeriod(period, startUs, bandwidthOf));
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('MPD', attributes, [element('BaseURL', {}, base), ...body])}\n`;
}

/** Collects the Periods in one pass. Segments without a codec configuration are left out. */
function collect({ segments }: Presentation) {
  const periods: Period[] = [];
  let period: Period | undefined;
  let endUs = 0;
  let longestUs = 0;
  for (const segment of segments) {
    const { init, run, startUs, durationUs } = segment;
    if (!init) continue;
    if (!period || period.run !== run || period.init !== init) {
      period = openPeriod(segment, init);
      periods.push(period);
    }
    for (const { rendition, times } of period.sets) {
      const own = mediaOf(segment, rendition.tracks[0]);
      if (own) times.add(segment.msn, own.tfdt + own.firstPtsOffset, own.duration);
    }
    endUs = startUs + durationUs;
    longestUs = Math.max(longestUs, durationUs);
  }
  return { periods, endUs, longestUs };
}

/** Each video, audio and subtitle track separately. */
function openPeriod({ run, utcOffsetUs, startUs }: PresentationSegment, init: Init): Period {
  const { all, subtitles } = renditionsOf(init.tracks);
  const single = all.filter(({ tracks }) => tracks.length === 1);
  const sets = [...single, ...subtitles].map((rendition) => ({ rendition, times: new SegmentTimes() }));
  return { run, init, utcOffsetUs, startUs, sets };
}

function printPeriod(period: Period, fromUs: number, bandwidthOf: (rendition: Rendition) => number): string {
  const { run, startUs } = period;
  const present = period.sets.filter(({ times }) => !times.isEmpty);
  const firstAudio = present.find(({ rendition }) => rendition.tracks[0]?.kind === 'audio');
  const sets = groupVideo(present).map((members, i) => {
    const track = members[0]!.rendition.tracks[0]!;
    const isMain = track.kind === 'video' || members[0] === firstAudio;
    const representations = members.map(({ rendition, times }) =>
      printRepresentation(period, rendition, times, bandwidthOf(rendition)),
    );
    return element('AdaptationSet', adaptationSet(track, i + 1), [
      ...(track.label === '' ? [] : [element('Label', {}, track.label)]),
      element('Role', { schemeIdUri: ROLE, value: roleOf(track, isMain) }),
      ...representations,
    ]);
  });
  return element('Period', { id: String(run), start: printDuration(startUs - fromUs) }, sets);
}

type Member = Period['sets'][number];

/** Video of one codec is one AdaptationSet, in which players switch; each audio and subtitle track has its own. */
function groupVideo(members: readonly Member[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const track = member.rendition.tracks[0]!;
    const key = track.kind === 'video' ? track.config.codec : member.rendition.id;
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  return [...groups.values()];
}

function adaptationSet(track: Track, id: number): Attributes {
  return {
    id,
    contentType: track.kind,
    mimeType: track.kind === 'text' ? 'application/mp4' : `${track.kind}/mp4`,
    lang: track.language === 'und' ? undefined : track.language,
    segmentAlignment: track.kind === 'text' ? undefined : 'true',
  };
}

function roleOf(track: Track, isMain: boolean): string {
  if (track.kind === 'text') return parseTextHeader(track).forced ? 'forced-subtitle' : 'subtitle';
  return isMain ? 'main' : 'alternate';
}

function printRepresentation(period: Period, rendition: Rendition, times: SegmentTimes, bandwidth: number): string {
  const { id, tracks } = rendition;
  const track = tracks[0]!;
  const { init, utcOffsetUs, startUs } = period;
  const addressing = {
    timescale: track.timescale,
    presentationTimeOffset: usToTicks(startUs - utcOffsetUs, track.timescale),
  };
  const initialization = `${id}/init-${init.number}.mp4`;
  const segments = times.isContiguous
    ? element(
        'SegmentTemplate',
        { ...addressing, startNumber: times.firstMsn, initialization, media: `${id}/$Number$.m4s` },
        [times.print()],
      )
    : element('SegmentList', addressing, [
        element('Initialization', { sourceURL: initialization }),
        times.print(),
        ...times.msns.map((msn) => element('SegmentURL', { media: `${id}/${msn}.m4s` })),
      ]);
  const channels =
    track.kind === 'audio'
      ? [element('AudioChannelConfiguration', { schemeIdUri: CHANNELS, value: channelsOf(track.config.channels) })]
      : [];
  return element('Representation', { id, bandwidth, codecs: codecsOf(rendition), ...mediaAttributes(track) }, [
    ...channels,
    segments,
  ]);
}

function channelsOf(channels: number): number {
  return CHANNEL_CONFIGURATIONS[channels] ?? channels;
}

function mediaAttributes(track: Track): Attributes {
  switch (track.kind) {
    case 'video': {
      const { width, height, frameRate } = track.config;
      return { width, height, frameRate: frameRate === undefined ? undefined : ratio(frameRate) };
    }
    case 'audio':
      return { audioSamplingRate: track.config.sampleRate };
    default:
      return {};
  }
}

/** The frame rate as an MPD value: integer or fraction. */
function ratio(frameRate: number): string {
  return Number.isInteger(frameRate) ? String(frameRate) : `${Math.round(frameRate * 1000)}/1000`;
}
