/**
 * The DASH manifest (MPD) of a window or of a live stream: a Period for each run, Representations of one
 * track each, segments under their permanent addresses. UTC = availabilityStartTime + Period@start + (media
 * time − presentationTimeOffset).
 * In: a presentation. Out: XML. ISO 23009-1 5.3; docs/media.md 19. Pure.
 */
import { coloursOf, videoRangeOf } from '@oxbow/media/colour/colours';
import type { Track } from '@oxbow/media/frame';
import {
  type Description,
  mediaOf,
  type Presentation,
  type PresentationSegment,
  type Rhythm,
} from '@oxbow/media/presentation';
import { codecsOf, offeredOf, type Rendition, renditionsOf, replacesSource } from '@oxbow/media/rendition-set';
import { ticksToUs, usToTicks } from '@oxbow/media/run';
import type { Init } from '@oxbow/media/segment';
import { parseTextHeader } from '@oxbow/media/webvtt/traits';
import { captionAccessibility } from './captions.ts';
import { eventStreams } from './dash-events.ts';
import { availability, headOf, originOf, serviceDescription, utcTiming } from './dash-head.ts';
import { type SegmentPlace, SegmentTimes } from './dash-times.ts';
import { type Steering, steeringElements } from './pathways.ts';
import type { Protection, ProtectionOf } from './protection.ts';
import { type Attributes, element, printDuration } from './xml.ts';

/** Channel configurations of ISO 23091-3 that are not the number of channels. */
const CHANNEL_CONFIGURATIONS: Readonly<Record<number, number>> = { 7: 11, 8: 12 };
/** A manifest with one segment more in a Representation is published later, µs. */
const LISTED_US = 1000;
/** Segments by which a derived quality may be behind the stream: each has its time of publication. */
const MOST_BEHIND = 8;
/** A track that ends more than this before the others has no part in where they end, µs. */
const SAME_END_US = 200_000;
const ROLE = 'urn:mpeg:dash:role:2011';
const CICP = 'urn:mpeg:mpegB:cicp:';
const CHANNELS = `${CICP}ChannelConfiguration`;

/** A rendition in a Period. */
interface Member {
  readonly rendition: Rendition;
  init: Init;
  times: SegmentTimes;
}

/** How a manifest is printed. */
interface DashOptions<Segment> {
  /** The name of the stream, and the edges that players are steered to; default: none. */
  readonly steered?: { readonly name: string; readonly steering?: Steering | undefined };
  /** Between the folder of the stream and the manifest, with a slash at its end; default: there is none. */
  readonly folder?: string;
  /**
   * Where a file has the bytes of a rendition in a segment, which is then listed as a range of the file;
   * undefined if they are not in one piece.
   */
  readonly placeOf?: ((segment: Segment, rendition: Rendition) => SegmentPlace | undefined) | undefined;
  /** How segments are encrypted; absent: they are clear. */
  readonly protectionOf?: ProtectionOf | undefined;
}

/** The segments of one run that have the same key, if they have any. */
interface Period {
  readonly run: number;
  readonly protection: Protection | undefined;
  readonly init: Init;
  readonly utcOffsetUs: number;
  readonly startUs: number;
  readonly members: Member[];
}

/**
 * Prints the manifest.
 *
 * @param base folder of the stream's renditions relative to the manifest, with a slash at its end; empty for
 *   its own folder
 */
export function dashManifest<Segment extends PresentationSegment>(
  presentation: Presentation<Segment>,
  base: string,
  { steered, folder = '', placeOf, protectionOf }: DashOptions<Segment> = {},
): string {
  const { periods, ...extent } = collect(presentation, protectionOf ? undefined : placeOf, protectionOf);
  const originUs = originOf(presentation, extent);
  const rhythm = presentation.ended ? undefined : presentation.live?.rhythm;
  const isLate = (presentation.beside ?? []).length > 0;
  const newest = periods.length - 1;
  const description = presentation.describe();
  const bandwidthOf = (rendition: Rendition) => Math.max(1, Math.ceil(description.bandwidthOf(rendition)));
  const hasLists = periods.some(({ members }) => members.some(({ times }) => !isNumbered(times)));
  const attributes: Attributes = {
    xmlns: 'urn:mpeg:dash:schema:mpd:2011',
    profiles: `urn:mpeg:dash:profile:${hasLists ? 'full' : 'isoff-live'}:2011`,
    ...headOf(presentation, extent),
  };
  const body = [
    ...baseElements(base, steered, folder),
    ...(rhythm ? [serviceDescription(rhythm, isLate)] : []),
    ...periods.map((period, i) =>
      printPeriod(period, originUs, {
        captions: description.captions,
        bandwidthOf,
        rhythm: i === newest ? rhythm : undefined,
        events: eventStreams(
          presentation.dateRanges,
          { startUs: period.startUs, endUs: periods[i + 1]?.startUs ?? Number.POSITIVE_INFINITY },
          i === 0,
        ),
      }),
    ),
    ...(attributes.type === 'dynamic' && presentation.live ? utcTiming() : []),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('MPD', attributes, body)}\n`;
}

/** Where the media is. */
function baseElements(base: string, steered: DashOptions<never>['steered'], folder: string): string[] {
  if (steered?.steering) return steeringElements(steered.steering, steered.name, { base, folder });
  return base === '' ? [] : [element('BaseURL', {}, base)];
}

/** Collects the Periods in one pass. Segments without a codec configuration are left out. */
function collect<Segment extends PresentationSegment>(
  { segments, beside = [], hasAllTexts = false, live }: Presentation<Segment>,
  placeOf: DashOptions<Segment>['placeOf'],
  protectionOf: ProtectionOf | undefined,
) {
  const periods: Period[] = [];
  let period: Period | undefined;
  let firstUs: number | undefined;
  let endUs = 0;
  let longestUs = 0;
  let openUs = 0;
  let lastMsn = 0;
  for (const segment of segments) {
    const { init, run, startUs, durationUs } = segment;
    // An open segment is listed if its end is predicted.
    if (!init || (segment.open && durationUs === 0)) continue;
    const protection = protectionOf?.(segment.msn);
    if (!period || period.run !== run || period.init !== init || !isSameKey(period.protection, protection)) {
      period = openPeriod(segment, init, { protection, isLive: live !== undefined });
      periods.push(period);
    }
    for (const { rendition, times } of period.members) {
      const track = rendition.tracks[0];
      if (hasAllTexts && track?.kind === 'text') {
        if (!segment.open) times.add(segment.msn, ...timesOfCut(segment, track));
        continue;
      }
      const media = mediaOf(segment, track);
      if (media)
        times.add(segment.msn, media.tfdt + media.firstPtsOffset, media.duration, placeOf?.(segment, rendition));
    }
    if (segment.open) {
      openUs = openTimeOf(segment, init);
      continue;
    }
    lastMsn = segment.msn;
    firstUs ??= startUs;
    endUs = startUs + durationUs;
    longestUs = Math.max(longestUs, durationUs);
  }
  for (const presented of beside) openUs += addBeside(periods, presented, { lastMsn, placeOf, protectionOf });
  return { periods, startUs: firstUs ?? 0, endUs, commonEndUs: commonEndOf(periods.at(-1), endUs), longestUs, openUs };
}

/** Where the first track of a Period ends, of those that reach its end, µs since 1970. */
function commonEndOf(period: Period | undefined, endUs: number): number {
  const ends = (period?.members ?? []).map(
    ({ rendition, times }) => period!.utcOffsetUs + ticksToUs(times.end, rendition.tracks[0]!.timescale),
  );
  return Math.min(endUs, ...ends.filter((us) => us > endUs - SAME_END_US));
}

/** Start and duration between two cuts, in ticks of a track: cues may begin later and end earlier. */
function timesOfCut({ startUs, durationUs, utcOffsetUs }: PresentationSegment, { timescale }: Track): [number, number] {
  const t = usToTicks(startUs - utcOffsetUs, timescale);
  return [t, usToTicks(startUs + durationUs - utcOffsetUs, timescale) - t];
}

/**
 * How much later a manifest is with the open segment that it lists: it rises with each track that begins, and
 * if they last too long.
 */
function openTimeOf({ tracks, durationUs }: PresentationSegment, init: Init): number {
  const shares = tracks.map(({ trackId, duration }) => {
    const { timescale } = init.tracks.find(({ id }) => id === trackId)!;
    return LISTED_US + Math.max(0, Math.floor((ticksToUs(duration, timescale) - durationUs) / tracks.length));
  });
  return shares.reduce((sum, us) => sum + us, 0);
}

/** Each video, audio and subtitle track separately. */
function openPeriod(
  segment: PresentationSegment,
  init: Init,
  { protection, isLive }: { readonly protection: Protection | undefined; readonly isLive: boolean },
): Period {
  const { run, utcOffsetUs } = segment;
  const { common } = protection ?? {};
  const keyStartUs = common && (isLive ? common.startUs(segment) : segment.startUs);
  const startUs = keyStartUs ?? segment.runStartUs ?? segment.startUs;
  const { all, subtitles } = renditionsOf(init.tracks);
  const single = all.filter(({ tracks }) => tracks.length === 1);
  const members = [...single, ...subtitles].map((rendition) => ({ rendition, init, times: new SegmentTimes() }));
  return { run, protection, init, utcOffsetUs, startUs, members };
}

/**
 * Adds the video of a derived quality to the Periods of its runs. Segments before a hole are left out:
 * numbers have none, and players would need another form of addressing for it.
 *
 * @param lastMsn of the last complete segment of the stream
 * @returns how much later the manifest is published because of it: its segments come at other times than
 *   those of the stream, µs
 */
function addBeside<Segment extends PresentationSegment>(
  periods: readonly Period[],
  { segments }: Pick<Presentation<Segment>, 'segments'>,
  {
    lastMsn,
    placeOf,
    protectionOf,
  }: { readonly lastMsn: number } & Pick<DashOptions<Segment>, 'placeOf' | 'protectionOf'>,
): number {
  let ownMsn = 0;
  for (const segment of segments) {
    const { init, run, msn } = segment;
    const protection = protectionOf?.(msn);
    const period = periods.findLast(
      (candidate) => candidate.run === run && isSameKey(candidate.protection, protection),
    );
    const rendition = init && renditionsOf(init.tracks).all.find(isVideoAlone);
    const media = mediaOf(segment, rendition?.tracks[0]);
    if (!period || !init || !rendition || !media) continue;
    let member = period.members.find((candidate) => candidate.rendition.id === rendition.id);
    if (!member) {
      member = { rendition, init, times: new SegmentTimes() };
      period.members.push(member);
    }
    if (member.init !== init || (!member.times.isEmpty && member.times.lastMsn !== msn - 1)) {
      member.init = init;
      member.times = new SegmentTimes();
    }
    member.times.add(msn, media.tfdt + media.firstPtsOffset, media.duration, placeOf?.(segment, rendition));
    ownMsn = msn;
  }
  return LISTED_US * Math.max(0, ownMsn - lastMsn + MOST_BEHIND);
}

function isVideoAlone({ tracks }: Rendition): boolean {
  return tracks.length === 1 && tracks[0]?.kind === 'video';
}

/** What else is in a Period. */
interface Contents {
  readonly captions: Description['captions'];
  readonly bandwidthOf: (rendition: Rendition) => number;
  readonly rhythm: Rhythm | undefined;
  /** EventStreams. */
  readonly events: readonly string[];
}

function printPeriod(period: Period, fromUs: number, { captions, bandwidthOf, rhythm, events }: Contents): string {
  const { run, startUs, protection } = period;
  const present = offeredIn(period.members.filter(({ times }) => !times.isEmpty));
  const firstAudio = present.find(({ rendition }) => rendition.tracks[0]?.kind === 'audio');
  const groups = groupVideo(present);
  const isMixed = new Set(present.flatMap(({ rendition }) => videoRangeOf(rendition.tracks[0]) ?? [])).size > 1;
  const sets = groups.map((members, i) => {
    const track = members[0]!.rendition.tracks[0]!;
    const isMain = track.kind === 'video' || members[0] === firstAudio;
    const representations = members.map((member) =>
      printRepresentation(period, member, { bandwidth: bandwidthOf(member.rendition), rhythm }),
    );
    return element('AdaptationSet', adaptationSet(track, i + 1), [
      ...(isEncrypted(track) ? (protection?.common?.elements ?? []) : []),
      ...colourProperties(track, isMixed),
      ...(track.label === '' ? [] : [element('Label', {}, track.label)]),
      ...captionAccessibility(track, captions),
      element('Role', { schemeIdUri: ROLE, value: roleOf(track, isMain) }),
      ...representations,
    ]);
  });
  const id = protection?.common ? `${run}-${protection.common.name}` : String(run);
  return element('Period', { id, start: printDuration(startUs - fromUs) }, [...events, ...sets]);
}

/**
 * The colours of HDR, as code points of ISO/IEC 23091-2. Where the Period has the same picture in SDR, a
 * player that does not know them has to leave HDR out (ISO 23009-1 5.8.4.8); otherwise HDR is all that there
 * is.
 */
function colourProperties(track: Track, isMixed: boolean): string[] {
  const range = videoRangeOf(track);
  if (track.kind !== 'video' || range === undefined || range === 'SDR') return [];
  const { primaries, transfer, matrix } = coloursOf(track.config)!;
  const name = isMixed ? 'EssentialProperty' : 'SupplementalProperty';
  return [
    element(name, { schemeIdUri: `${CICP}ColourPrimaries`, value: String(primaries) }),
    element(name, { schemeIdUri: `${CICP}TransferCharacteristics`, value: String(transfer) }),
    element(name, { schemeIdUri: `${CICP}MatrixCoefficients`, value: String(matrix) }),
  ];
}

/** Without the picture of the source where a quality takes its place that begins as early. */
function offeredIn(members: readonly Member[]): readonly Member[] {
  const first = Math.min(...members.map(({ times }) => times.firstMsn));
  const full = members.find(({ rendition }) => replacesSource(rendition));
  if (full?.times.firstMsn !== first) return members;
  const offered = offeredOf(members.map(({ rendition }) => rendition));
  return [full, ...members.filter((member) => member !== full && offered.includes(member.rendition))];
}

/**
 * Video of one codec and dynamic range is one AdaptationSet, in which players switch; each audio and subtitle
 * track has its own.
 */
function groupVideo(members: readonly Member[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const track = member.rendition.tracks[0]!;
    const key = track.kind === 'video' ? `${track.config.codec} ${videoRangeOf(track)}` : member.rendition.id;
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

function isSameKey(a: Protection | undefined, b: Protection | undefined): boolean {
  return a?.common?.name === b?.common?.name;
}

/** Common encryption leaves subtitles clear. */
function isEncrypted({ kind }: Track): boolean {
  return kind === 'video' || kind === 'audio';
}

function printRepresentation(
  { utcOffsetUs, startUs, protection }: Period,
  { rendition, init, times }: Member,
  { bandwidth, rhythm }: { readonly bandwidth: number; readonly rhythm: Rhythm | undefined },
): string {
  const { id, tracks } = rendition;
  const track = tracks[0]!;
  const folder = `${id}/${protection?.folder ?? ''}`;
  const addressing = {
    timescale: track.timescale,
    presentationTimeOffset: usToTicks(startUs - utcOffsetUs, track.timescale),
    ...availability(rhythm),
  };
  const initialization = `${folder}init-${init.number}.mp4`;
  const segments = isNumbered(times)
    ? element(
        'SegmentTemplate',
        { ...addressing, startNumber: times.firstMsn, initialization, media: `${folder}$Number$.m4s` },
        [times.print({ isRepeated: true })],
      )
    : element('SegmentList', addressing, [
        element('Initialization', { sourceURL: initialization }),
        times.print({ isRepeated: false }),
        ...times.msns.map((msn) => segmentUrl(folder, msn, times.placeOf(msn))),
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

/** Whether the addresses are those of consecutive numbers. */
function isNumbered({ isContiguous, hasPlaces }: SegmentTimes): boolean {
  return isContiguous && !hasPlaces;
}

/** An address with its number, or a range of a file (5.3.9.3). */
function segmentUrl(folder: string, msn: number, place: SegmentPlace | undefined): string {
  if (!place) return element('SegmentURL', { media: `${folder}${msn}.m4s` });
  const { offset, length } = place;
  const mediaRange = `${offset}-${offset + length - 1}`;
  return element('SegmentURL', { media: `${folder}${msn}-${offset}.mp4`, mediaRange });
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
