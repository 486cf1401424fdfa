/**
 * Header fields of a replay: ranges of UTC, and where the media of the response begins.
 * In: times, or text of messages. Out: text, or times. Pure. RFC 2326 3.7 (`clock`), 12.29 (`Range`), 12.33
 * (`RTP-Info`); ONVIF Streaming Specification 6.
 */

/** Most media that are read of `RTP-Info`. */
const MAX_MEDIA = 16;
const CLOCK = /^clock=(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z\s*(?:-|$)/i;

/** The range `[fromMs, toMs)`. @param fromMs since 1970, years 1970 to 9999 */
export function printClockRange(fromMs: number, toMs: number): string {
  const at = (ms: number) => new Date(ms).toISOString().replaceAll(/[-:]/g, '');
  return `clock=${at(Math.floor(fromMs))}-${at(Math.ceil(toMs))}`;
}

/** Start of a range of UTC, ms since 1970; undefined for ranges of other kinds and invalid ones. */
export function parseClockStart(range: string | undefined): number | undefined {
  const match = CLOCK.exec(range?.trim() ?? '');
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '0'] = match;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return ms + Number(`0${fraction}`) * 1000;
}

/** The first packet of one media. */
export interface RtpInfo {
  /** As the server writes it; may be relative. */
  readonly url: string;
  /** RTP timestamp of the start of the range, 32 bits; undefined where it is missing. */
  readonly rtpTime: number | undefined;
}

/** Reads `RTP-Info`; media without an address are left out. */
export function parseRtpInfo(value: string | undefined): RtpInfo[] {
  const media = (value ?? '').split(/,(?=\s*url=)/i).slice(0, MAX_MEDIA);
  return media.flatMap((each) => {
    const url = /(?:^|;)\s*url=("?)([^";]+)\1/i.exec(each)?.[2]?.trim();
    const time = /;\s*rtptime=(\d{1,10})/i.exec(each)?.[1];
    if (url === undefined) return [];
    const ticks = time === undefined ? undefined : Number(time);
    return { url, rtpTime: ticks !== undefined && ticks < 2 ** 32 ? ticks : undefined };
  });
}
