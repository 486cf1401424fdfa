/**
 * How late the picture of a WHEP session is, and how it arrives.
 * In: the reports of an RTCPeerConnection. Out: the time of the picture, the parts of its delay. Pure. W3C
 * webrtc-stats.
 */

/** Figures of the received media. */
export interface ReceivedFigures {
  /**
   * UTC of the picture on the screen by the server's clock, unix milliseconds; null if the browser does not
   * report it.
   */
  readonly shownMs: number | null;
  /** How long frames wait in the browser, seconds; null at the first report. */
  readonly bufferS: number | null;
  /** Round trip of the connection, seconds; null if unknown. */
  readonly networkS: number | null;
  readonly shownFrames: number;
  readonly droppedFrames: number;
  readonly stalls: number;
  /** To compare the next report with. */
  readonly report: WaitReport;
}

/** How long all frames together have waited. */
export interface WaitReport {
  readonly waitedS: number;
  readonly frames: number;
}

type Report = Readonly<Record<string, unknown>>;

/** Chromium reports times of NTP, which begin in 1900. */
const NTP_EPOCH_MS = 2_208_988_800_000;

/** Reads the reports. @param last the report before; null if there was none */
export function readReceived(reports: readonly Report[], last: WaitReport | null): ReceivedFigures {
  const numberOf = (report: Report | undefined, field: string): number | null => {
    const value = report?.[field];
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
  };
  const inbound = reports.filter(({ type }) => type === 'inbound-rtp');
  const main = inbound.find(({ kind }) => kind === 'video') ?? inbound[0];
  const pair = reports.find(
    ({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded',
  );
  const playoutMs = numberOf(main, 'estimatedPlayoutTimestamp');
  const waitedS = numberOf(main, 'jitterBufferDelay') ?? 0;
  const frames = numberOf(main, 'jitterBufferEmittedCount') ?? 0;
  const isLater = last !== null && frames > last.frames;
  return {
    shownMs:
      playoutMs === null || playoutMs <= 0 ? null : playoutMs > NTP_EPOCH_MS ? playoutMs - NTP_EPOCH_MS : playoutMs,
    bufferS: isLater ? (waitedS - last.waitedS) / (frames - last.frames) : null,
    networkS: numberOf(pair, 'currentRoundTripTime'),
    shownFrames: numberOf(main, 'framesDecoded') ?? 0,
    droppedFrames: numberOf(main, 'framesDropped') ?? 0,
    stalls: numberOf(main, 'freezeCount') ?? 0,
    report: { waitedS, frames },
  };
}
