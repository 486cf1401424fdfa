/**
 * The JSON of streams in the API.
 * In: managed streams, timelines. Out: the JSON of api/shapes. Never the URL or headers of a source.
 */

import type { Track } from '@oxbow/media/frame';
import { printRfc3339 } from '../api/instant.ts';
import { printMediaAddress } from '../api/media-address.ts';
import type { MarkerView, PinView, Span, StreamView, TimelineView, TrackView } from '../api/shapes.ts';
import type { SourceConfig } from '../config/schema.ts';
import { printDuration } from '../lib/duration.ts';
import { mapEach } from '../lib/map-each.ts';
import type { GrowingRecording } from '../observe/disk-forecast.ts';
import type { ChunkTable } from '../recording/chunks/chunk-table.ts';
import type { CoarseTimeline } from '../recording/coarse-timeline.ts';
import { revisionOf } from '../recording/healed/healed-numbers.ts';
import type { Marker } from '../recording/marker-table.ts';
import type { Pin } from '../recording/pin-table.ts';
import type { RetentionRule } from '../recording/retention.ts';
import type { RecordedTotals } from '../recording/sums/recorded-sums.ts';
import type { TimelinePiece } from '../recording/timeline-piece.ts';
import { WINDOW_US } from '../recording/window.ts';
import type { UnopenedStream } from './catalog/unopened-streams.ts';
import type { StreamDefinition } from './definition.ts';
import type { ManagedStream } from './managed-stream.ts';
import { timeOf, withoutAddresses } from './public-values.ts';
import type { StoredRecordings } from './stream-deps.ts';

/** Bytes of the files that are being written, of the stream and its qualities, which are not indexed yet. */
export function openBytes({ served, files }: Pick<ManagedStream, 'served' | 'files'>): number {
  const groups = [served.recording.open, ...Array.from(files.qualities.values(), ({ own }) => own.open)].flat();
  return groups.reduce((sum, group) => sum + group.tracks.reduce((bytes, track) => bytes + track.length, 0), 0);
}

/** One stream. */
export function viewOf(
  stream: ManagedStream,
  { totals, viewers, picture }: { totals: RecordedTotals; viewers: number; picture: string | undefined },
): StreamView {
  const { definition } = stream;
  const { recording, list } = stream.served;
  const openUs = recording.open.reduce((sum, group) => sum + group.durationUs, 0);
  const fromUs = totals.fromUs ?? recording.open[0]?.startUs;
  return {
    ...definedViewOf(definition, picture),
    state: stream.status.state,
    ...(stream.away.isShown && { away: true as const }),
    problem: withoutAddresses(stream.status.problem, definition.source),
    publisher: publisherViewOf(stream),
    ...(list.state.qualities.length > 0 && { qualities: list.state.qualities.map(({ track }) => track.rung) }),
    ...(definition.ladder && { ladder: stream.derived.ladder.view }),
    liveSince: stream.status.liveSinceUs === undefined ? null : timeOf(stream.status.liveSinceUs),
    tracks: list.tracks.map(trackViewOf),
    facts: stream.status.facts ?? null,
    media: stream.status.rates ?? null,
    recorded: {
      from: fromUs === undefined ? null : timeOf(fromUs),
      // Rounded down: a window that ends here is complete.
      to: fromUs === undefined ? null : printRfc3339(recording.endUs / 1000),
      seconds: Math.round((totals.durationUs + openUs) / 1000) / 1000,
      bytes: totals.bytes + openBytes(stream),
    },
    viewers,
  };
}

/** A stream that could not be opened. */
export function unopenedViewOf(
  { definition, problem }: UnopenedStream,
  { totals, picture }: { totals: RecordedTotals; picture: string | undefined },
): StreamView {
  return {
    ...definedViewOf(definition, picture),
    state: 'waiting',
    problem: withoutAddresses(problem, definition.source),
    publisher: null,
    liveSince: null,
    tracks: [],
    facts: null,
    media: null,
    viewers: 0,
    recorded: { from: null, to: null, seconds: Math.round(totals.durationUs / 1000) / 1000, bytes: totals.bytes },
  };
}

/** What the settings of a stream say. */
function definedViewOf(definition: StreamDefinition, picture: string | undefined) {
  return {
    name: definition.name,
    origin: definition.origin,
    source: { type: definition.source.type },
    title: definition.title,
    description: definition.description,
    picture: picture === undefined ? null : `/api/v1/streams/${definition.name}/picture?v=${picture}`,
    record: definition.record,
    ...(definition.keepMs !== undefined && { keep: printDuration(definition.keepMs) }),
    ...(definition.storage !== undefined && { storage: definition.storage }),
    ...(definition.alarms !== undefined && { alarms: definition.alarms }),
    ...(definition.encryption !== undefined && { encryption: definition.encryption }),
    ...(definition.recordQualities && { recordQualities: true }),
    ...(definition.showRewound && { showRewound: true as const }),
    ...(definition.peerDelivery && { peerDelivery: true as const }),
    visibility: definition.visibility,
    createdAt: timeOf(definition.createdUs),
    hls: printMediaAddress({ kind: 'index', stream: definition.name }),
    dash: printMediaAddress({ kind: 'manifest', stream: definition.name }),
  };
}

function publisherViewOf({ publishers }: ManagedStream): StreamView['publisher'] {
  const { active, standby } = publishers.connected ?? {};
  return active
    ? { protocol: active.connection.protocol, since: printRfc3339(active.connection.sinceMs), standby: standby ?? 0 }
    : null;
}

export function trackViewOf(track: Track): TrackView {
  const { id, kind, language, config } = track;
  if (track.kind === 'video') {
    const { codecs, width, height, frameRate, convertedFrom } = track.config;
    const details = {
      ...(frameRate !== undefined && { frameRate }),
      ...(convertedFrom !== undefined && { convertedFrom }),
    };
    return { id, kind, codecs, language, width, height, ...details };
  }
  if (track.kind !== 'audio') return { id, kind, codecs: config.codecs, language };
  const { sampleRate, channels, layer, convertedFrom } = track.config;
  const converted = {
    ...(layer !== undefined && { codec: `mp${layer}` }),
    ...(convertedFrom !== undefined && { convertedFrom }),
  };
  return { id, kind, codecs: config.codecs, language, sampleRate, channels, ...converted };
}

export function markerViewOf({ id, atUs, text }: Marker): MarkerView {
  return { id, at: timeOf(atUs), text };
}

export function pinViewOf({ id, fromUs, toUs, text }: Pin): PinView {
  return { id, from: timeOf(fromUs), to: timeOf(toUs), text };
}

/** Markers and pins of a part of a timeline. */
export interface Marks {
  readonly markers: readonly Marker[];
  readonly pins: readonly Pin[];
}

/**
 * A timeline. `settled` is called after the groups were counted: a window that closes in between gets its
 * final count in the next response.
 */
export function timelineViewOf(
  timeline: CoarseTimeline,
  { markers, pins }: Marks,
  settled: (us: number) => boolean,
  source: SourceConfig,
): TimelineView {
  const of = (kind: TimelinePiece['kind']) => timeline.pieces.filter((piece) => piece.kind === kind).map(spanOf);
  return {
    from: timeOf(timeline.fromUs),
    to: timeOf(timeline.toUs),
    res: timeline.resS,
    spans: joined(of('media')),
    healed: timeline.healed.map(({ fact, ...span }) => ({
      ...spanOf(span),
      cause: fact.cause,
      detail: withoutAddresses(fact.detail, source),
      healedAt: timeOf(fact.atMs * 1000),
      source: fact.source,
      how: fact.how,
      errorMs: fact.errorMs,
    })),
    gaps: timeline.pieces.flatMap((piece) => {
      const { kind, detail } = piece;
      if (kind === 'media' || kind === 'offline' || kind === 'deleted') return [];
      return [{ ...spanOf(piece), cause: kind, detail: withoutAddresses(detail, source) }];
    }),
    offline: of('offline'),
    deleted: of('deleted'),
    runs: timeline.runs.map(({ run, firstMsn, utcOffsetUs }) => ({ run, firstMsn, utcOffset: utcOffsetUs / 1e6 })),
    windows: timeline.windows.map(({ fromUs, groups, found }) => {
      const from = fromUs / 1e6;
      const to = from + WINDOW_US / 1e6;
      return { from, to, rev: revisionOf(groups, found ?? 0), closed: settled(to * 1e6) };
    }),
    pins: pins.map(pinViewOf),
    markers: markers.map(markerViewOf),
  };
}

/** Media that was found later continues what was recorded. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last?.to === span.from && last.merged === undefined && span.merged === undefined) {
      result[result.length - 1] = { from: last.from, to: span.to };
    } else result.push(span);
  }
  return result;
}

function spanOf({ fromUs, toUs, merged }: Pick<TimelinePiece, 'fromUs' | 'toUs' | 'merged'>): Span {
  return { from: timeOf(fromUs), to: timeOf(toUs), ...(merged !== undefined && { merged }) };
}

/** The recordings that grow now, each until it is as long as it is kept. */
export async function growingRecordings(
  streams: readonly ManagedStream[],
  table: Pick<ChunkTable, 'allTotals'>,
): Promise<readonly GrowingRecording[]> {
  const live = streams.filter(({ definition, status }) => definition.record && status.rates !== undefined);
  if (live.length === 0) return [];
  const totals = await table.allTotals();
  return live.map(({ status: { rates }, files }) => {
    const { streamId, keepMs } = files.retentionRule;
    const { durationUs } = totals.of(streamId);
    return { bytesPerSecond: rates!.bitrate / 8, growsForS: Math.max(0, keepMs / 1000 - durationUs / 1e6) };
  });
}

/** Recordings whose pictures are looked up at a time: the disk serves viewers too. */
const READS_AT_ONCE = 16;

/** Bytes of the finished files of recordings. */
export async function storedBytes(
  { table, storyboards }: Pick<StoredRecordings, 'table' | 'storyboards'>,
  recordings: readonly Pick<RetentionRule, 'streamId'>[],
): Promise<number> {
  const totals = await table.allTotals();
  const bytesOf = async ({ streamId }: Pick<RetentionRule, 'streamId'>) =>
    totals.of(streamId).bytes + (await storyboards.bytesOf(streamId));
  const bytes = await mapEach(recordings, bytesOf, { atOnce: READS_AT_ONCE });
  return bytes.reduce((sum, each) => sum + each, 0);
}
