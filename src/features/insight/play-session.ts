/**
 * One session of a player: from report to report, what it played and where it stalled.
 * In: reports. Out: sums by minute. A session has no address and no name of a viewer.
 */
import { hash } from 'node:crypto';
import { BUCKET_S } from '../../api/insight/insight-shapes.ts';
import type { CmcdReport, PlayState } from './cmcd/report.ts';
import { bucketOf, type Content, MINUTE_MS, type ReportSource, type ViewingRow } from './viewing-row.ts';

/** Between two reports at most this much is counted, ms: a laptop that sleeps does not play. */
const MOST_BETWEEN_MS = 90_000;
/** The same after a request of a session that reports no states. */
const MOST_BETWEEN_REQUESTS_MS = 30_000;
/** A player whose clock differs by more than this is corrected, ms. */
const MAX_SKEW_MS = 30_000;
/** A report that is older than the last one by more is not late: the clock of the player was set back, ms. */
const MOST_OVERTAKEN_MS = 10_000;
/** Buckets of an asset that a session remembers: about eleven hours. */
const MAX_REACHED = 8000;
/** Stretches of the past that a session watches in a minute: a minute at sixteen times the speed has 192. */
const MAX_HEAT = 256;
/** Characters of the hash of a session: 96 bits. */
const ID_CHARACTERS = 16;
const PLAYING: ReadonlySet<PlayState> = new Set(['p']);
/** Before it plays: what dash.js 5.2 reports there is the time to its manifest. */
const BEFORE: ReadonlySet<PlayState | undefined> = new Set(['s', 'd', 'k', 'w']);
const ENDED: ReadonlySet<PlayState | undefined> = new Set(['e', 'f', 'q']);
/** Recorded media is at least this far in the past, ms: live players may rewind a little. */
const PAST_MS = 60_000;

/** Who reports, without an address. */
export interface ReportedBy {
  readonly content: Content;
  /** Its address as rate limits see it, in memory only; empty: this computer. */
  readonly client: string;
  /** Host name; empty: this server. */
  readonly edge: string;
  /** ISO 3166-1; empty: unknown. */
  readonly country: string;
  readonly source: ReportSource;
  /** Start of the window of a recording that plays, ms since 1970; undefined: it is not known to be one. */
  readonly windowMs: number | undefined;
}

/** A session in memory. */
export interface PlaySession {
  readonly id: string;
  readonly content: Content;
  readonly client: string;
  edge: string;
  country: string;
  source: ReportSource;
  /** When the last report came. */
  heardMs: number;
  /** Up to here it is added up. */
  lastMs: number;
  state: PlayState | undefined;
  /** When the player reported it, by its clock, ms; undefined: without a time. */
  stateMs: number | undefined;
  rate: number;
  isLive: boolean;
  bitrateKbps: number | undefined;
  /** The shown moment at `lastMs`: ms since 1970, or from the start of an asset. */
  positionMs: number | undefined;
  /** When it began to start, and whether its start-up time is known. */
  startingMs: number | undefined;
  /** When it played for the first time. */
  playingMs: number | undefined;
  /** The start-up time that the player reported before its state, which another request brings. */
  heldStartupMs: number | undefined;
  hasStarted: boolean;
  hasEnded: boolean;
  /** Absolute counts of the player; undefined: it reports none. */
  stalls: number | undefined;
  stalledMs: number | undefined;
  /** To be added to the player's clock, ms. */
  skewMs: number | undefined;
  hasBegun: boolean;
  /** The player reports what it is doing: its requests say nothing more. */
  hasStates: boolean;
  /** Its last request for media. */
  requestedMs: number;
  readonly reached: Set<number>;
  readonly minutes: Map<number, ViewingRow>;
  /** The sums of the minute of an instant. */
  minuteAt(ms: number): ViewingRow;
}

/** Begins a session. */
export function openSession(by: ReportedBy, sid: string, nowMs: number): PlaySession {
  const { content, client, edge, country, source } = by;
  const id = hash('sha256', `${content.id} ${sid}`, 'base64url').slice(0, ID_CHARACTERS);
  const minutes = new Map<number, ViewingRow>();
  const session: PlaySession = {
    id,
    content,
    client,
    edge,
    country,
    source,
    heardMs: nowMs,
    lastMs: 0,
    state: undefined,
    stateMs: undefined,
    rate: 1,
    isLive: content.kind === 'stream',
    bitrateKbps: undefined,
    positionMs: undefined,
    startingMs: undefined,
    playingMs: undefined,
    heldStartupMs: undefined,
    hasStarted: false,
    hasEnded: false,
    stalls: undefined,
    stalledMs: undefined,
    skewMs: undefined,
    hasBegun: false,
    hasStates: false,
    requestedMs: 0,
    reached: new Set(),
    minutes,
    minuteAt(ms) {
      const minute = Math.floor(ms / MINUTE_MS);
      let row = minutes.get(minute);
      if (!row) {
        row = emptyRow(session, minute);
        minutes.set(minute, row);
      }
      return row;
    },
  };
  return session;
}

function emptyRow(session: PlaySession, minute: number): ViewingRow {
  const begins = !session.hasBegun;
  session.hasBegun = true;
  const { content, id, edge, country, source } = session;
  return {
    content,
    session: id,
    minute,
    edge,
    country,
    source,
    begins,
    watchMs: 0,
    liveMs: 0,
    bitMs: 0,
    kbits: 0,
    startupMs: undefined,
    stalls: 0,
    stallMs: 0,
    errors: 0,
    failed: false,
    positionS: undefined,
    leftS: undefined,
    heat: new Map(),
    reached: [],
  };
}

/** Adds a report to a session. @param nowMs when it came */
export function takeReport(session: PlaySession, by: ReportedBy, report: CmcdReport, nowMs: number): void {
  const isFirst = session.lastMs === 0;
  // Requests say less than reports, and come from the same player.
  if (by.source === 'request') {
    if (session.hasStates) return;
    session.requestedMs = nowMs;
  } else session.source = by.source;
  session.edge = by.edge;
  session.country = by.country;
  session.heardMs = nowMs;
  const atMs = timeOf(session, report, nowMs);
  if (isFirst) session.lastMs = atMs;
  playedTo(session, atMs);
  const late = isLate(session, report);
  const row = session.minuteAt(atMs);
  row.errors += report.errors;
  if (!late) {
    countStalls(session, by, report, isFirst);
    if (report.bitrateKbps !== undefined) session.bitrateKbps = report.bitrateKbps;
    session.rate = report.rate;
    changeState(session, row, { by, report, atMs });
    locate(session, by, report, atMs);
  } else if (report.state === 's') noteLateStart(session, row, report);
  noteStart(session, row, report, atMs);
}

/** When an event was, by the clock of this server; never before the last one. */
function timeOf(session: PlaySession, { tsMs }: CmcdReport, nowMs: number): number {
  if (tsMs === undefined) return Math.max(session.lastMs, nowMs);
  const skewMs = nowMs - tsMs;
  session.skewMs ??= Math.abs(skewMs) <= MAX_SKEW_MS ? 0 : skewMs;
  return Math.max(session.lastMs, Math.min(nowMs, tsMs + session.skewMs));
}

/** Adds up the time to an instant, in the state that the session has. */
export function playedTo(session: PlaySession, toMs: number): void {
  // Without states it plays only while it loads media.
  const untilMs = session.hasStates ? toMs : session.requestedMs + MOST_BETWEEN_REQUESTS_MS;
  const endMs = Math.min(toMs, session.lastMs + MOST_BETWEEN_MS, untilMs);
  for (let fromMs = session.lastMs; fromMs < endMs; ) {
    const pieceEndMs = Math.min(endMs, (Math.floor(fromMs / MINUTE_MS) + 1) * MINUTE_MS);
    addTime(session, session.minuteAt(fromMs), pieceEndMs - fromMs);
    fromMs = pieceEndMs;
  }
  session.lastMs = Math.max(session.lastMs, toMs);
}

function addTime(session: PlaySession, row: ViewingRow, ms: number): void {
  const { state, bitrateKbps, isLive } = session;
  // Shaka Player rebuffers before it plays: that is its start.
  if (state === 'r' && session.stalledMs === undefined && session.playingMs !== undefined) row.stallMs += ms;
  if (state === undefined || !PLAYING.has(state)) return;
  row.watchMs += ms;
  if (isLive) row.liveMs += ms;
  if (bitrateKbps !== undefined) {
    row.bitMs += ms;
    row.kbits += (bitrateKbps * ms) / 1000;
  }
  if (session.positionMs === undefined) return;
  const fromMs = session.positionMs;
  session.positionMs += ms * session.rate;
  if (!isLive) addHeat(session, row, fromMs, session.positionMs);
}

/** Adds recorded media of [fromMs, toMs) that was played. */
function addHeat(session: PlaySession, row: ViewingRow, fromMs: number, toMs: number): void {
  const share = toMs > fromMs ? 1 / session.rate : 0;
  for (let ms = fromMs; ms < toMs; ) {
    const bucket = bucketOf(ms / 1000);
    const endMs = Math.min(toMs, (bucket + 1) * BUCKET_S * 1000);
    const before = row.heat.get(bucket);
    if (before !== undefined || row.heat.size < MAX_HEAT) row.heat.set(bucket, (before ?? 0) + (endMs - ms) * share);
    if (session.content.kind === 'asset' && !session.reached.has(bucket) && session.reached.size < MAX_REACHED) {
      session.reached.add(bucket);
      row.reached.push(bucket);
    }
    ms = endMs;
  }
  row.positionS = toMs / 1000;
}

/**
 * Counts stalls: by the player's own count, otherwise by the change from playing to rebuffering. A player
 * that seeks or starts does not stall. The count of a session that comes from another node begins there.
 */
function countStalls(session: PlaySession, { source }: ReportedBy, report: CmcdReport, isFirst: boolean): void {
  const row = session.minuteAt(session.lastMs);
  if (report.stalledMs !== undefined) {
    if (session.stalledMs !== undefined) row.stallMs += Math.max(0, report.stalledMs - session.stalledMs);
    session.stalledMs = report.stalledMs;
  }
  if (report.stalls !== undefined) {
    if (session.stalls !== undefined) row.stalls += Math.max(0, report.stalls - session.stalls);
    session.stalls = report.stalls;
    return;
  }
  if (session.stalls !== undefined || isFirst) return;
  if (report.state === 'r' && session.state === 'p') row.stalls++;
  if (source === 'request' && report.isStarved) row.stalls++;
}

/** Whether a report has a state and totals of before those that are known: requests overtake each other. */
function isLate({ stateMs }: PlaySession, { state, tsMs }: CmcdReport): boolean {
  if (state === undefined || tsMs === undefined || stateMs === undefined) return false;
  return tsMs < stateMs && stateMs - tsMs < MOST_OVERTAKEN_MS;
}

function changeState(
  session: PlaySession,
  row: ViewingRow,
  { by, report, atMs }: { readonly by: ReportedBy; readonly report: CmcdReport; readonly atMs: number },
): void {
  if (report.state !== undefined) session.hasStates = true;
  // A player that loads media plays, as far as is known.
  const state = report.state ?? (by.source === 'request' ? 'p' : undefined);
  if (state === undefined) return;
  if (state === 's' || (state === 'd' && session.state === undefined)) session.startingMs ??= atMs;
  if (state === 'f' && session.state !== 'f') row.failed = true;
  if (state === 'p') session.playingMs ??= atMs;
  session.state = state;
  session.stateMs = report.state === undefined ? undefined : report.tsMs;
  session.hasEnded = ENDED.has(state);
}

/** The moment that is shown, and whether it is live. */
function locate(session: PlaySession, by: ReportedBy, report: CmcdReport, atMs: number): void {
  if (session.content.kind === 'asset') {
    session.isLive = false;
    if (report.playheadMs !== undefined) session.positionMs = report.playheadMs;
    return;
  }
  const { latencyMs, playheadMs } = report;
  if (latencyMs !== undefined) session.positionMs = atMs - latencyMs;
  else if (by.windowMs !== undefined && playheadMs !== undefined) session.positionMs = by.windowMs + playheadMs;
  if (by.windowMs !== undefined || report.isLive === false) session.isLive = false;
  else if (report.isLive) session.isLive = latencyMs === undefined || latencyMs < PAST_MS;
  if (session.isLive && latencyMs === undefined) session.positionMs ??= atMs;
}

function noteStart(session: PlaySession, row: ViewingRow, report: CmcdReport, atMs: number): void {
  if (session.hasStarted) return;
  // Players report it once. One without a state, or one that is late, may come while another state is known.
  if (!BEFORE.has(report.state)) session.heldStartupMs ??= report.startupMs;
  if (BEFORE.has(report.state ?? session.state)) return;
  const startupMs =
    session.heldStartupMs ??
    (report.state === 'p' && session.startingMs !== undefined ? atMs - session.startingMs : undefined);
  if (startupMs === undefined) return;
  session.hasStarted = true;
  row.startupMs = Math.round(startupMs);
}

/** The report that it starts was overtaken by what followed. */
function noteLateStart(session: PlaySession, row: ViewingRow, { tsMs }: CmcdReport): void {
  const { playingMs, skewMs } = session;
  if (tsMs === undefined || session.startingMs !== undefined) return;
  session.startingMs = tsMs + (skewMs ?? 0);
  if (session.hasStarted || playingMs === undefined) return;
  session.hasStarted = true;
  row.startupMs = Math.max(0, Math.round(playingMs - session.startingMs));
}
