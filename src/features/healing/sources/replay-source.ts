/**
 * A source of healing: what a camera, a network video recorder or another RTSP server has recorded.
 * In: an address `rtsp:` (RFC 2326, `Range: clock=`) or `onvif:` (Profile G). Out: found media. The clock of
 * a camera is rarely exact: its media is compared with the recording.
 */
import type { OnvifRecording } from '@oxbow/wire/onvif/recordings';
import { RtspRefused } from '@oxbow/wire/rtsp/client';
import type { RtspAddress } from '@oxbow/wire/rtsp/rtsp-url';
import type { MeasureLevels } from '../../../ffmpeg/engine.ts';
import { openOnvifStorage } from '../../../ingest/onvif/onvif-storage.ts';
import type { OnvifAddress } from '../../../ingest/onvif/onvif-url.ts';
import { replayRtsp } from '../../../ingest/rtsp/rtsp-replay.ts';
import type { Clock } from '../../../lib/clock.ts';
import { OxbowError } from '../../../lib/errors.ts';
import type { Net } from '../../../net/net.ts';
import type { FoundMedia, GapSurroundings, HealingGap, HealingLimits, HealingSource, NothingFound } from '../source.ts';
import { COMPARED_MS, placeMedia, type SourceFrames, type SourceRun } from './placed-media.ts';

/** What the sources of storages need. */
export interface ReplaySourceOptions {
  /** Shown to viewers. */
  readonly name: string;
  /** Most by which the clock of the storage may be wrong, ms. */
  readonly maxShiftMs: number;
  /** The address is from an administrator, so its host may be private. */
  readonly trusted: boolean;
  readonly net: Pick<Net, 'fetch' | 'resolveHost'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly measureLevels: MeasureLevels;
}

type FindOptions = HealingLimits & { readonly signal: AbortSignal };

/** Answers of servers that have no media of the time: Not Found, Invalid Range. */
const NOT_STORED: ReadonlySet<number> = new Set([404, 457]);
/** And of servers that do not replay: methods, headers and options that they do not know. */
const NO_REPLAY: ReadonlySet<number> = new Set([405, 406, 451, 455, 456, 461, 501, 551]);
/** A storage writes with a delay: so much after the gap it has what it ever will have, ms. */
const LATE_MS = 3_600_000;

/** Opens the source of an RTSP address. */
export function openRtspSource(address: RtspAddress, options: ReplaySourceOptions): HealingSource {
  return {
    name: options.name,
    find: (gap, around, how) => findReplay(address, 0, options, { gap, around, how }),
  };
}

/** Opens the source of a camera's storage. */
export function openOnvifSource(address: OnvifAddress, options: ReplaySourceOptions): HealingSource {
  const { net, clock, name, trusted } = options;
  return {
    name,
    async find(gap, around, how) {
      const { signal } = how;
      try {
        const storage = await openOnvifStorage({ address, trusted, net, clock }, { signal });
        const { aheadMs } = storage;
        const chosen = choose(await storage.recordings({ signal }), address.recording, gap, aheadMs);
        if ('reason' in chosen) return { kind: 'nothing', mayComeLater: isRecent(gap, clock), ...chosen };
        const replay = await storage.replayAddress(chosen.token, { signal });
        return await findReplay(replay, aheadMs, options, { gap, around, how });
      } catch (error) {
        if (error instanceof OxbowError && error.extra.reason === 'no-replay') {
          return { kind: 'nothing', reason: 'its camera has no storage that can be replayed', mayComeLater: false };
        }
        throw error;
      }
    },
  };
}

interface Search {
  readonly gap: HealingGap;
  readonly around: GapSurroundings;
  readonly how: FindOptions;
}

/** @param aheadMs by which the clock of the server is ahead, as far as it is known, ms */
async function findReplay(
  address: RtspAddress,
  aheadMs: number,
  options: ReplaySourceOptions,
  { gap, around, how }: Search,
): Promise<FoundMedia | NothingFound> {
  const { net, clock, maxShiftMs, measureLevels, trusted } = options;
  const { signal, maxBytes } = how;
  const marginMs = maxShiftMs + COMPARED_MS;
  const range = { fromMs: gap.fromMs + aheadMs - marginMs, toMs: gap.toMs + aheadMs + marginMs };
  const mayComeLater = isRecent(gap, clock);
  try {
    const replay = replayRtsp({ address, trusted, net, maxBytes, ...range }, { signal });
    const place = { gap, around, maxShiftMs, measureLevels, trustsDates: true, maxBytes, mayComeLater, signal };
    return await placeMedia(runsOf(replay, aheadMs), place);
  } catch (error) {
    return nothingOf(error, mayComeLater);
  }
}

/** The refusals of a server that mean that it has no media; other errors are thrown. */
function nothingOf(error: unknown, mayComeLater: boolean): NothingFound {
  if (error instanceof OxbowError && error.extra.reason === 'no-replay') {
    return { kind: 'nothing', reason: 'its server does not replay recordings by their time', mayComeLater: false };
  }
  if (!(error instanceof RtspRefused)) throw error;
  if (NOT_STORED.has(error.status)) {
    return { kind: 'nothing', reason: 'its storage has nothing of this time', mayComeLater };
  }
  if (NO_REPLAY.has(error.status)) {
    return { kind: 'nothing', reason: 'its server does not replay recordings', mayComeLater: false };
  }
  throw new OxbowError('source-failed', `The storage ${error.message}.`, { cause: error });
}

/** Runs of a replay with UTC by the clock of oxbow. */
async function* runsOf(replay: ReturnType<typeof replayRtsp>, aheadMs: number): AsyncGenerator<SourceFrames, void> {
  let run: SourceRun | undefined;
  for await (const { tracks, utcOffsetUs, frames } of replay) {
    const offsetUs = utcOffsetUs - Math.round(aheadMs * 1000);
    if (run?.tracks !== tracks || run.utcOffsetUs !== offsetUs) run = { tracks, utcOffsetUs: offsetUs };
    yield { run, frames };
  }
}

/** The recording that has the time of a gap; the reason where none or several have it. */
function choose(
  recordings: readonly OnvifRecording[],
  token: string | undefined,
  { fromMs, toMs }: HealingGap,
  aheadMs: number,
): Pick<OnvifRecording, 'token'> | { readonly reason: string } {
  if (token !== undefined) {
    return recordings.find((each) => each.token === token) ?? { reason: `its camera has no recording "${token}"` };
  }
  const covering = recordings.filter(
    (each) => (each.fromMs ?? 0) < toMs + aheadMs && (each.toMs ?? Number.POSITIVE_INFINITY) > fromMs + aheadMs,
  );
  const [first, ...others] = covering;
  if (!first) return { reason: 'its storage has nothing of this time' };
  if (others.length === 0) return first;
  const tokens = covering.slice(0, 4).map((each) => each.token);
  return { reason: `its camera has ${covering.length} recordings; choose one with ?recording= (${tokens.join(', ')})` };
}

function isRecent({ toMs }: HealingGap, clock: Pick<Clock, 'nowMs'>): boolean {
  return clock.nowMs() - toMs < LATE_MS;
}
