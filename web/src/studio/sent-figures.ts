/**
 * Figures of what a publisher in the browser sends.
 * In: the reports of an RTCPeerConnection. Out: bitrate, picture, losses. Pure. W3C webrtc-stats.
 */

/** Figures of the sent media. */
export interface SentFigures {
  /** Picture and sound, bits per second; null at the first report. */
  readonly bitrate: number | null;
  readonly width: number;
  readonly height: number;
  /** Pictures per second. */
  readonly frameRate: number;
  /** Such as `H.264`; empty without a picture. */
  readonly codec: string;
  /** Milliseconds; null if unknown. */
  readonly roundTripMs: number | null;
  /** Share of the packets that were lost lately, 0 to 1; null if unknown. */
  readonly lossShare: number | null;
}

/** What the next report is compared with. */
export interface SentReport {
  readonly atMs: number;
  readonly bytes: number;
}

type Report = Readonly<Record<string, unknown>>;

const numberOf = (report: Report | undefined, field: string): number | null => {
  const value = report?.[field];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
};

/** Reads the reports. @param last the report before; null if there was none */
export function readSent(
  reports: readonly Report[],
  last: SentReport | null,
): { readonly figures: SentFigures; readonly report: SentReport } {
  const sent = reports.filter(({ type }) => type === 'outbound-rtp');
  const video = sent.find(({ kind }) => kind === 'video');
  const remote = reports.find(
    ({ type, kind }) => type === 'remote-inbound-rtp' && kind === (video ? 'video' : 'audio'),
  );
  const codec = reports.find(({ id }) => id === video?.codecId)?.mimeType;
  const bytes = sent.reduce((sum, each) => sum + (numberOf(each, 'bytesSent') ?? 0), 0);
  const atMs = numberOf(sent[0], 'timestamp') ?? 0;
  const isLater = last !== null && atMs > last.atMs && bytes >= last.bytes;
  const roundTripS = numberOf(remote, 'roundTripTime');
  return {
    report: { atMs, bytes },
    figures: {
      bitrate: isLater ? ((bytes - last.bytes) * 8_000) / (atMs - last.atMs) : null,
      width: numberOf(video, 'frameWidth') ?? 0,
      height: numberOf(video, 'frameHeight') ?? 0,
      frameRate: numberOf(video, 'framesPerSecond') ?? 0,
      codec: typeof codec === 'string' ? codec.replace(/^video\//, '').replace(/^H26/, 'H.26') : '',
      roundTripMs: roundTripS === null ? null : roundTripS * 1000,
      lossShare: numberOf(remote, 'fractionLost'),
    },
  };
}
