/**
 * Rules over a whole presentation: what the Multivariant Playlist says against what is there, and renditions
 * against each other.
 * In: all lists and media as they were seen at one time. Out: problems. RFC 8216bis 4.4.5.4, 4.4.6, 6.2.4;
 * Apple 1, 8, 9.
 */
import type { InitSection } from '../boxes.ts';
import { decimal, integer } from '../lines.ts';
import { allSegments, type MediaText, resolve } from '../media-text.ts';
import type { MultivariantText, TextVariant } from '../multivariant-text.ts';
import type { SeenRendition } from '../rendition.ts';
import type { Problem, Rule } from './rule.ts';

export interface Presentation {
  readonly index: MultivariantText;
  /** By URL: all playlists of the index, and further requested ones. */
  readonly renditions: ReadonlyMap<string, SeenRendition>;
  /** All lists are of the same moment. */
  readonly still: boolean;
}

/**
 * Renditions that start this near are aligned, ms: audio begins with its first frame behind the cut
 * (docs/media.md 6).
 */
const ALIGNED_MS = 100;
/** A live source may exceed what was promised of it (Apple 1.29). */
const LIVE_PEAK = 1.25;

/** What a Variant Stream plays: itself, and the first of its audio group. */
function playedBy({ index, renditions }: Presentation, variant: TextVariant): SeenRendition[] {
  const group = variant.attributes.get('AUDIO')?.text;
  const audio = index.renditions.find(
    ({ attributes }) => attributes.get('TYPE')?.text === 'AUDIO' && attributes.get('GROUP-ID')?.text === group,
  );
  const uris = [variant.uri, ...(group === undefined ? [] : [audio?.attributes.get('URI')?.text ?? ''])];
  return uris.flatMap((uri) => renditions.get(resolve(uri, index.url)) ?? []);
}

/** Frames per second of the video of each initialization section. */
function ratesOf({ segments }: SeenRendition): number[] {
  const seen = new Map<InitSection, { count: number; seconds: number }>();
  for (const { init, media } of segments) {
    const video = init?.tracks.find(({ handler }) => handler === 'vide');
    if (!init || !video) continue;
    const sum = seen.get(init) ?? { count: 0, seconds: 0 };
    seen.set(init, sum);
    for (const { trackId, samples } of media?.fragments ?? []) {
      if (trackId !== video.id) continue;
      sum.count += samples.length;
      sum.seconds += samples.reduce((ticks, { duration }) => ticks + duration, 0) / video.timescale;
    }
  }
  return [...seen.values()].filter(({ seconds }) => seconds > 0).map(({ count, seconds }) => count / seconds);
}

/** Every audio rendition of a variant's group, for the loudest of them. */
function groupOf({ index, renditions }: Presentation, variant: TextVariant): SeenRendition[] {
  const group = variant.attributes.get('AUDIO')?.text;
  return index.renditions
    .filter(({ attributes }) => group !== undefined && attributes.get('GROUP-ID')?.text === group)
    .flatMap(({ attributes }) => renditions.get(resolve(attributes.get('URI')?.text ?? '', index.url)) ?? []);
}

/**
 * Peak segment bit rate (4.1 of the standard's terms): the largest of any run of segments that lasts between
 * half and one and a half target durations.
 */
export function peakOf({ list, segments }: SeenRendition): number {
  let peak = 0;
  const [leastS, mostS] = [0.5 * list.targetDurationS, 1.5 * list.targetDurationS];
  for (let i = 0; i < segments.length; i++) {
    let [bytes, durationS] = [0, 0];
    for (const { listed, bytes: own } of segments.slice(i)) {
      if (!own || listed.uri === '') break;
      bytes += own.length;
      durationS += listed.durationS;
      if (durationS > mostS) break;
      if (durationS >= leastS) peak = Math.max(peak, (bytes * 8) / durationS);
    }
  }
  return peak;
}

/** Initialization sections in force at the end: what the index describes. */
function lastInits(renditions: readonly SeenRendition[]): InitSection[] {
  return renditions.flatMap(({ segments }) => segments.findLast(({ init }) => init)?.init ?? []);
}

/** Lists of all renditions, two by two with the first. */
function* others({ renditions }: Presentation): Iterable<{ first: MediaText; other: MediaText }> {
  const [first, ...rest] = [...renditions.values()];
  for (const { list } of rest) yield { first: first!.list, other: list };
}

/** How far a list is: the last part, or the last segment with its number of parts. */
function edgeOf(list: MediaText): { msn: number; part: number | undefined } {
  const last = allSegments(list).at(-1);
  const parts = last?.parts.length ?? 0;
  return { msn: last?.msn ?? -1, part: parts > 0 ? parts - 1 : undefined };
}

/** Rules of presentations. */
export const rulesOfAlignment: readonly Rule<Presentation>[] = [
  {
    id: 'bandwidth-covers-peak',
    section: '4.4.6.2, Apple 1.29',
    severity: 'must',
    says: 'BANDWIDTH is not below the measured peak with the loudest audio (in a live playlist, not below four fifths of it).',
    *check(presentation) {
      for (const variant of presentation.index.variants) {
        const [video] = playedBy(presentation, variant);
        if (!video) continue;
        const peak = peakOf(video) + Math.max(0, ...groupOf(presentation, variant).map(peakOf));
        const said = integer(variant.attributes.get('BANDWIDTH')?.text);
        const allowed = video.list.ended ? said : said * LIVE_PEAK;
        if (!(Math.floor(peak) <= allowed)) {
          yield { where: variant.uri, detail: `BANDWIDTH=${said}, the peak is ${Math.ceil(peak)}` };
        }
      }
    },
  },
  {
    id: 'bandwidth-near-peak',
    section: 'Apple 1.27',
    severity: 'should',
    says: 'BANDWIDTH of a complete playlist is at most a tenth above its measured peak.',
    *check(presentation) {
      for (const variant of presentation.index.variants) {
        const [video] = playedBy(presentation, variant);
        if (!video?.list.ended || video.segments.some(({ bytes }) => !bytes)) continue;
        const peak = peakOf(video) + Math.max(0, ...groupOf(presentation, variant).map(peakOf));
        const said = integer(variant.attributes.get('BANDWIDTH')?.text);
        if (peak > 0 && said > 1.1 * peak + 1) {
          yield { where: variant.uri, detail: `BANDWIDTH=${said}, the peak is ${Math.ceil(peak)}` };
        }
      }
    },
  },
  {
    id: 'codecs-true',
    section: '4.4.6.2',
    severity: 'must',
    says: 'CODECS names exactly the codecs in the initialization sections of the variant and its audio.',
    *check(presentation) {
      for (const variant of presentation.index.variants) {
        const inits = lastInits(playedBy(presentation, variant));
        if (inits.length === 0) continue;
        const said = (variant.attributes.get('CODECS')?.text ?? '').split(',').sort().join();
        const there = [...new Set(inits.flatMap(({ tracks }) => tracks.map(({ codecs }) => codecs)))].sort().join();
        if (said.toLowerCase() !== there.toLowerCase()) {
          yield { where: variant.uri, detail: `CODECS="${said}", there is ${there}` };
        }
      }
    },
  },
  {
    id: 'resolution-true',
    section: '4.4.6.2',
    severity: 'must',
    says: 'RESOLUTION is the size of the video.',
    *check(presentation) {
      for (const variant of presentation.index.variants) {
        const said = variant.attributes.get('RESOLUTION')?.text;
        const video = lastInits(playedBy(presentation, variant))
          .flatMap(({ tracks }) => tracks)
          .find(({ handler }) => handler === 'vide');
        if (said !== undefined && video && said !== `${video.width}x${video.height}`) {
          yield { where: variant.uri, detail: `RESOLUTION=${said}, there is ${video.width}x${video.height}` };
        }
      }
    },
  },
  {
    id: 'frame-rate-true',
    section: '4.4.6.2',
    severity: 'must',
    says: 'FRAME-RATE is the highest rate of the video, by initialization section, within two percent.',
    *check(presentation) {
      for (const variant of presentation.index.variants) {
        const said = decimal(variant.attributes.get('FRAME-RATE')?.text);
        const [seen] = playedBy(presentation, variant);
        if (Number.isNaN(said) || !seen) continue;
        const measured = Math.max(0, ...ratesOf(seen));
        if (measured > 0 && Math.abs(measured / said - 1) > 0.02) {
          yield { where: variant.uri, detail: `FRAME-RATE=${said}, measured ${measured.toFixed(3)}` };
        }
      }
    },
  },
  {
    id: 'same-target',
    section: '6.2.4, Apple 8.2',
    severity: 'must',
    says: 'All playlists have the same EXT-X-TARGETDURATION.',
    *check(presentation) {
      for (const { first, other } of others(presentation)) {
        if (first.targetDurationS !== other.targetDurationS) {
          yield { where: other.url, detail: `${other.targetDurationS}, ${first.url} has ${first.targetDurationS}` };
        }
      }
    },
  },
  {
    id: 'same-type',
    section: '6.2.4, Apple 8.7',
    severity: 'must',
    says: 'All playlists have the same EXT-X-PLAYLIST-TYPE, and all have ended or none.',
    *check(presentation) {
      for (const { first, other } of others(presentation)) {
        if (first.playlistType !== other.playlistType || first.ended !== other.ended) {
          yield { where: other.url, detail: `it differs from ${first.url}` };
        }
      }
    },
  },
  {
    id: 'aligned-dates',
    section: '6.2.4, Apple 8.22, docs/media.md 14',
    severity: 'must',
    says: 'Segments with the same number have the same date in all playlists, within a tenth of a second.',
    check: (presentation) =>
      compare(presentation, (a, b) => {
        const apartMs = Math.abs(a.dateMs - b.dateMs);
        return apartMs > ALIGNED_MS ? `its date is off by ${apartMs.toFixed(0)} ms` : undefined;
      }),
  },
  {
    id: 'aligned-discontinuities',
    section: '6.2.4, Apple 8.15',
    severity: 'must',
    says: 'Segments with the same number have the same discontinuity sequence number in all playlists.',
    check: (presentation) =>
      compare(presentation, (a, b) =>
        a.discontinuitySequence === b.discontinuitySequence
          ? undefined
          : `discontinuity sequence ${b.discontinuitySequence}, elsewhere ${a.discontinuitySequence}`,
      ),
  },
  {
    id: 'aligned-ends',
    section: 'Apple 8.3',
    severity: 'must',
    says: 'Playlists that have ended have segments with the same numbers.',
    *check(presentation) {
      for (const { first, other } of others(presentation)) {
        if (!first.ended || !other.ended) continue;
        const [a, b] = [first, other].map((list) => `${list.segments[0]?.msn} to ${list.segments.at(-1)?.msn}`);
        if (a !== b) yield { where: other.url, detail: `segments ${b}, elsewhere ${a}` };
      }
    },
  },
  {
    id: 'report-complete',
    section: '4.4.5.4, B.1',
    severity: 'must',
    says: 'A live playlist with parts reports on every other rendition of the Multivariant Playlist, never on itself.',
    *check({ index, renditions }) {
      const named = [
        ...index.variants.map(({ uri }) => uri),
        ...index.renditions.flatMap(({ attributes }) => attributes.get('URI')?.text ?? []),
      ].map((uri) => resolve(uri, index.url));
      for (const { list } of renditions.values()) {
        if (list.ended || list.partTargetS === undefined) continue;
        const reported = list.reports.map(({ attributes }) => resolve(attributes.get('URI')?.text ?? '', list.url));
        for (const url of named) {
          if (url !== list.url && !reported.includes(url))
            yield { where: list.url, detail: `it says nothing of ${url}` };
        }
        if (reported.includes(list.url)) yield { where: list.url, detail: 'it reports on itself' };
      }
    },
  },
  {
    id: 'report-true',
    section: '4.4.5.4',
    severity: 'must',
    says: 'A report names the last segment and part of the other playlist: not older than that playlist was before, not newer than it is now.',
    *check(presentation) {
      for (const { list } of presentation.renditions.values()) yield* falseReports(list, presentation);
    },
  },
];

/**
 * Lists are read one after the other: a report read first may be behind, one read last ahead, by what came
 * meanwhile.
 */
const REPORT_SEGMENTS = 1;

function* falseReports(list: MediaText, { renditions, still }: Presentation): Iterable<Problem> {
  for (const { attributes } of list.reports) {
    const url = resolve(attributes.get('URI')?.text ?? '', list.url);
    const other = renditions.get(url)?.list;
    if (!other) continue;
    const edge = edgeOf(other);
    const msn = integer(attributes.get('LAST-MSN')?.text);
    const part = attributes.get('LAST-PART')?.text;
    if (Math.abs(msn - edge.msn) > (still ? 0 : REPORT_SEGMENTS)) {
      yield { where: list.url, detail: `LAST-MSN=${msn} of ${url}, whose last segment is ${edge.msn}` };
      continue;
    }
    const segment = allSegments(other).find((one) => one.msn === msn);
    if (still && part !== undefined && integer(part) !== edge.part) {
      yield { where: list.url, detail: `LAST-PART=${part} of ${url}, whose last part is ${edge.part}` };
    } else if (other.partTargetS !== undefined && part === undefined) {
      yield { where: list.url, detail: `no LAST-PART of ${url}, which has parts` };
    } else if (segment && segment.uri !== '' && segment.parts.length > 0 && integer(part) >= segment.parts.length) {
      yield {
        where: list.url,
        detail: `LAST-PART=${part} of segment ${msn} of ${url}, which has ${segment.parts.length}`,
      };
    }
  }
}

type Listed = ReturnType<typeof allSegments>[number];

function* compare(presentation: Presentation, differ: (a: Listed, b: Listed) => string | undefined): Iterable<Problem> {
  for (const { first, other } of others(presentation)) {
    const known = new Map(allSegments(first).map((segment) => [segment.msn, segment]));
    for (const segment of allSegments(other)) {
      const same = known.get(segment.msn);
      const detail = same && differ(same, segment);
      if (detail === undefined) continue;
      yield { where: `${other.url} segment ${segment.msn}`, detail };
      break;
    }
  }
}
