/**
 * Facts about a stream, as rows of names and values for the Info tab.
 * In: a stream from the API. Out: rows; names are text keys. Pure.
 */
import type { StreamView } from '../../../src/api/shapes.ts';
import { bitrateText } from '../media/choice-text.ts';
import type { TextKey } from '../text/text.ts';

/** Formats times, lengths and sizes for the reader; `formatter` of the preferences. */
export interface Formatter {
  moment(atMs: number, nowMs: number): string;
  size(bytes: number): string;
  length(seconds: number): string;
}

interface InfoRow {
  readonly name: TextKey;
  readonly value: string;
}

const protocols: Readonly<Record<string, string>> = { hls: 'HLS', mp4: 'MP4', page: 'yt-dlp' };
const containers: Readonly<Record<string, string>> = { mpegts: 'MPEG-TS', fmp4: 'fMP4', mp4: 'MP4' };

/**
 * The rows with a value.
 *
 * @param nowMs the server's time, unix milliseconds
 * @param testName name of the test picture source
 */
export function infoRows(view: StreamView, nowMs: number, formatter: Formatter, testName: string): InfoRow[] {
  const { facts, media, recorded } = view;
  const video = view.tracks.find(({ kind, width }) => kind === 'video' && width !== undefined);
  const frameRate = media?.frameRate ?? video?.frameRate ?? null;
  const rows: [TextKey, string | null | undefined][] = [
    [
      'info.source',
      view.source.type === 'test' ? testName : (view.publisher?.protocol.toUpperCase() ?? sourceText(facts)),
    ],
    ['info.liveSince', view.liveSince && formatter.moment(Date.parse(view.liveSince), nowMs)],
    ['info.resolution', video?.height ? `${video.width} × ${video.height}` : null],
    ['info.frameRate', frameRate === null ? null : `${Number(frameRate.toFixed(2))} fps`],
    ['info.bitrate', media ? bitrateText(media.bitrate) : null],
    ['info.gop', typeof media?.gopS === 'number' ? `${Number(media.gopS.toFixed(2))} s` : null],
    ['info.recordedSince', recorded.from && formatter.moment(Date.parse(recorded.from), nowMs)],
    [
      'info.recorded',
      recorded.seconds > 0 ? `${formatter.length(recorded.seconds)} · ${formatter.size(recorded.bytes)}` : null,
    ],
  ];
  return rows.flatMap(([name, value]) => (value ? [{ name, value }] : []));
}

function sourceText(facts: StreamView['facts']): string | null {
  if (!facts) return null;
  const names = [protocols[facts.protocol] ?? facts.protocol, containers[facts.container] ?? facts.container];
  if (facts.chosen) names.push(facts.chosen);
  return [...new Set(names.filter((name) => name !== ''))].join(' · ');
}
