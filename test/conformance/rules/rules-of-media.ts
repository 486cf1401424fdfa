/**
 * Rules over the bytes of one rendition: initialization sections, segments and parts against their list and
 * against each other.
 * In: a rendition as it was seen. Out: problems. RFC 8216bis 3; ISO/IEC 14496-12, 8.8; Apple 7; docs/media.md
 * 6 to 15a.
 */
import { parseAvcC } from '@oxbow/media/h264/avcc';
import { parseH264Sps } from '@oxbow/media/h264/sps';
import { parseHvcC } from '@oxbow/media/hevc/hvcc';
import { parseHevcSps } from '@oxbow/media/hevc/sps';
import type { Fragment, Fragments, InitTrack, Sample } from '../boxes.ts';
import { nameOf } from '../media-text.ts';
import { leadOf, type SeenRendition, type SeenSegment, secondsOf } from '../rendition.ts';
import type { Problem, Rule } from './rule.ts';

/**
 * A decode time may lie this much beside where the one before ended, seconds: what docs/media.md 13 lets be
 * predicted.
 */
const CONTINUITY_S = 0.002;
/** Live durations are written this much short (docs/media.md 8), and rounded. */
const SHORT_S = 0.0011;

/** Everything that was downloaded, with its name. */
function* piecesOf({ segments }: SeenRendition): Iterable<{ where: string; media: Fragments; segment: SeenSegment }> {
  for (const segment of segments) {
    for (const { listed, media } of segment.parts) if (media) yield { where: listed.uri, media, segment };
    if (segment.media) yield { where: nameOf(segment.listed), media: segment.media, segment };
  }
}

const samplesOf = (media: Fragments, trackId: number | undefined): Sample[] =>
  media.fragments.filter((fragment) => fragment.trackId === trackId).flatMap(({ samples }) => samples);
const longest = (samples: readonly Sample[]) => Math.max(0, ...samples.map(({ duration }) => duration));
const ticksOf = (samples: readonly Sample[]) => samples.reduce((sum, { duration }) => sum + duration, 0);

/** What plays of a segment: the whole, or its parts while it is open. */
function mediaOf(segment: SeenSegment): Fragment[] | undefined {
  if (segment.media) return [...segment.media.fragments];
  const parts = segment.parts.map(({ media }) => media);
  if (parts.length === 0 || parts.includes(undefined)) return undefined;
  return parts.flatMap((media) => media!.fragments);
}

function* checkDuration(
  segment: SeenSegment,
  where: string,
  saidS: number,
  media: Fragments | undefined,
): Iterable<Problem> {
  const lead = leadOf(segment.init);
  if (!media || !lead) return;
  const samples = samplesOf(media, lead.id);
  const isS = ticksOf(samples) / lead.timescale;
  const frameS = longest(samples) / lead.timescale;
  if (!(Math.abs(isS - saidS) <= frameS + SHORT_S)) {
    yield { where, detail: `${saidS} s are listed, ${isS.toFixed(5)} s are there` };
  }
}

function sizeOf({ format, record }: InitTrack): { width: number; height: number } | undefined {
  if (!record) return undefined;
  if (format.startsWith('avc')) return parseH264Sps(parseAvcC(record).sps[0]!);
  return parseHevcSps(parseHvcC(record).sps[0]!);
}

export const rulesOfMedia: readonly Rule<SeenRendition>[] = [
  {
    id: 'init-form',
    section: '3.1.2',
    severity: 'must',
    says: 'An initialization section is ftyp and one moov with mvex, without samples.',
    *check({ inits }) {
      for (const [url, { problems }] of inits) for (const detail of problems) yield { where: url, detail };
    },
  },
  {
    id: 'init-picture-size',
    section: '14496-15, 5.3',
    severity: 'must',
    says: 'The sample entry has the picture size of its parameter sets.',
    *check({ inits }) {
      for (const [url, { tracks }] of inits) {
        for (const track of tracks) {
          const size = sizeOf(track);
          if (size && (size.width !== track.width || size.height !== track.height)) {
            yield { where: url, detail: `${track.width}x${track.height}, the SPS says ${size.width}x${size.height}` };
          }
        }
      }
    },
  },
  {
    id: 'fragment-form',
    section: '3.1.2, 3.2',
    severity: 'must',
    says: 'Segments and parts are pairs of moof and mdat; every sample is in its own mdat.',
    *check(rendition) {
      for (const { where, media } of piecesOf(rendition)) for (const detail of media.problems) yield { where, detail };
    },
  },
  {
    id: 'fragment-numbers',
    section: '14496-12, 8.8.5',
    severity: 'must',
    says: 'The numbers of movie fragments increase within every response, across all its tracks.',
    *check(rendition) {
      for (const { where, media } of piecesOf(rendition)) {
        const numbers = media.fragments.map(({ sequence }) => sequence);
        const at = numbers.findIndex((number, i) => !(number > (numbers[i - 1] ?? -1)));
        if (at >= 0)
          yield { where, detail: `fragment ${at} has number ${numbers[at]} after ${numbers[at - 1] ?? 'none'}` };
      }
    },
  },
  {
    id: 'tfdt-present',
    section: '3.1.2',
    severity: 'must',
    says: 'Every movie fragment has its decode time.',
    *check(rendition) {
      for (const { where, media } of piecesOf(rendition)) {
        const bad = media.fragments.find(({ tfdt }) => Number.isNaN(tfdt));
        if (bad) yield { where, detail: `track ${bad.trackId} has no tfdt` };
      }
    },
  },
  {
    id: 'track-known',
    section: '3.1.2, 4.4.4.5',
    severity: 'must',
    says: 'Fragments belong to tracks of the current initialization section, and a segment has all of them.',
    *check(rendition) {
      for (const { where, media, segment } of piecesOf(rendition)) {
        const known = segment.init?.tracks.map(({ id }) => id) ?? [];
        const there = new Set(media.fragments.map(({ trackId }) => trackId));
        for (const id of there) if (!known.includes(id)) yield { where, detail: `track ${id} is unknown` };
        if (media !== segment.media) continue;
        for (const id of known) if (!there.has(id)) yield { where, detail: `track ${id} is missing` };
      }
    },
  },
  {
    id: 'composition-not-negative',
    section: 'docs/media.md 13',
    severity: 'must',
    says: 'No frame is shown before it is decoded.',
    *check(rendition) {
      for (const { where, media } of piecesOf(rendition)) {
        const bad = media.fragments.find(({ samples }) => samples.some(({ composition }) => composition < 0));
        if (bad) yield { where, detail: `track ${bad.trackId} has a negative composition offset` };
      }
    },
  },
  {
    id: 'decode-continuity',
    section: '4.4.4.3, Apple 7.3',
    severity: 'must',
    says: 'Without a DISCONTINUITY every track begins where it ended in the previous segment.',
    *check({ segments }) {
      let ends = new Map<number, number>();
      let before: SeenSegment | undefined;
      for (const segment of segments) {
        const media = mediaOf(segment);
        const joined = before && segment.listed.msn === before.listed.msn + 1 && !segment.listed.discontinuity;
        if (!joined || !media) ends = new Map();
        // It left the list while it was open: it is at least as long as its known parts.
        const isCut = before?.listed.uri === '';
        before = segment;
        for (const { trackId, tfdt, samples } of media ?? []) {
          const end = ends.get(trackId);
          const apartS = end === undefined ? 0 : secondsOf(segment.init, trackId, tfdt - end);
          if (!(apartS >= -CONTINUITY_S && (apartS <= CONTINUITY_S || isCut))) {
            const detail = `track ${trackId} begins ${(apartS * 1000).toFixed(1)} ms beside where it ended`;
            yield { where: nameOf(segment.listed), detail };
          }
          ends.set(trackId, tfdt + ticksOf(samples));
        }
      }
    },
  },
  {
    id: 'tracks-together',
    section: '3.1, docs/media.md 6',
    severity: 'must',
    says: 'The tracks of a segment begin together, within half a second.',
    *check({ segments }) {
      for (const segment of segments) {
        const starts = new Map<number, number>();
        for (const { trackId, samples } of segment.media?.fragments ?? []) {
          const first = samples[0];
          if (!first || starts.has(trackId)) continue;
          const shown = Math.min(...samples.slice(0, 16).map(({ dts, composition }) => dts + composition));
          starts.set(trackId, secondsOf(segment.init, trackId, shown));
        }
        const apart = Math.max(...starts.values()) - Math.min(...starts.values());
        if (apart > 0.5) yield { where: nameOf(segment.listed), detail: `they begin ${apart.toFixed(3)} s apart` };
      }
    },
  },
  {
    id: 'extinf-true',
    section: '4.4.4.1, Apple 8.1',
    severity: 'must',
    says: 'EXTINF is the duration of the media in the segment, within a frame.',
    *check({ segments }) {
      for (const segment of segments) {
        yield* checkDuration(segment, nameOf(segment.listed), segment.listed.durationS, segment.media);
      }
    },
  },
  {
    id: 'part-duration-true',
    section: '4.4.4.9',
    severity: 'must',
    says: 'DURATION is the duration of the media in the part, within a frame.',
    *check({ segments }) {
      for (const segment of segments) {
        for (const { listed, media } of segment.parts) {
          yield* checkDuration(segment, listed.uri, listed.durationS, media);
        }
      }
    },
  },
  {
    id: 'independent-true',
    section: '4.4.4.9',
    severity: 'must',
    says: 'A part that is INDEPENDENT begins with a sync sample of the video.',
    *check({ segments }) {
      for (const { init, parts } of segments) {
        for (const { listed, media } of parts) {
          const first = media && samplesOf(media, leadOf(init)?.id)[0];
          if (listed.independent && first && !first.sync)
            yield { where: listed.uri, detail: 'it begins with no key frame' };
        }
      }
    },
  },
  {
    id: 'independent-said',
    section: '4.4.4.9',
    severity: 'must',
    says: 'A part that begins with a sync sample of the video is marked INDEPENDENT.',
    *check({ segments }) {
      for (const { init, parts } of segments) {
        for (const { listed, media } of parts) {
          const first = media && samplesOf(media, leadOf(init)?.id)[0];
          if (!listed.independent && first?.sync) yield { where: listed.uri, detail: 'it begins with a key frame' };
        }
      }
    },
  },
  {
    id: 'independent-segments-true',
    section: '4.4.2.1',
    severity: 'must',
    says: 'With EXT-X-INDEPENDENT-SEGMENTS, every segment begins with a sync sample.',
    *check({ list, segments }) {
      if (!list.read.lines.some(({ tag }) => tag === 'EXT-X-INDEPENDENT-SEGMENTS')) return;
      for (const { listed, init, media } of segments) {
        const first = media && samplesOf(media, leadOf(init)?.id)[0];
        if (first && !first.sync) yield { where: nameOf(listed), detail: 'it begins with no key frame' };
      }
    },
  },
  {
    id: 'segment-starts-with-key',
    section: 'Apple 7.4',
    severity: 'should',
    says: 'Video segments begin with a key frame (oxbow cuts a GOP that is too long elsewhere, docs/media.md 10).',
    *check({ segments }) {
      for (const { listed, init, media } of segments) {
        const first = media && samplesOf(media, leadOf(init)?.id)[0];
        if (first && !first.sync) yield { where: nameOf(listed), detail: 'it begins with no key frame' };
      }
    },
  },
  {
    id: 'parts-are-segment',
    section: '3.2',
    severity: 'must',
    says: 'A segment consists of the bytes of its parts, track by track (the end of a run may be longer).',
    *check({ segments }) {
      for (const [i, { listed, init, media, parts }] of segments.entries()) {
        if (!media || parts.length === 0 || parts.some((part) => !part.media)) continue;
        const next = segments[i + 1];
        const ends = !next || next.listed.discontinuity;
        for (const { id } of init?.tracks ?? []) {
          const of = (one: Fragments) =>
            one.fragments.filter(({ trackId }) => trackId === id).map(({ bytes }) => bytes);
          const whole = Buffer.concat(of(media));
          const pieces = Buffer.concat(parts.flatMap((part) => of(part.media!)));
          const mayOutlast = ends && id !== leadOf(init)?.id;
          const isSame = mayOutlast ? whole.subarray(0, pieces.length).equals(pieces) : whole.equals(pieces);
          if (!isSame) {
            yield { where: nameOf(listed), detail: `track ${id}: ${whole.length} bytes, its parts ${pieces.length}` };
          }
        }
      }
    },
  },
  {
    id: 'key-frame-interval',
    section: 'Apple 1.13',
    severity: 'should',
    says: 'There is a key frame every two seconds.',
    *check({ segments }) {
      for (const { listed, init, media } of segments) {
        const lead = leadOf(init);
        if (!media || lead?.handler !== 'vide') continue;
        let sinceS = 0;
        for (const { sync, duration } of samplesOf(media, lead.id)) {
          sinceS = sync ? duration / lead.timescale : sinceS + duration / lead.timescale;
          if (sinceS <= 2.1) continue;
          yield { where: nameOf(listed), detail: 'more than two seconds without a key frame' };
          break;
        }
      }
    },
  },
];
