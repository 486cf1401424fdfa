/**
 * The closed captions of an original while it is read: which services its picture has, and CEA-608 as text.
 * In: frames of its tracks, in decode order. Out: facts of the asset; a WebVTT file for each CEA-608 service,
 * on the clock of the asset.
 */

import { unnamedChannel } from '@oxbow/media/captions/caption-channel';
import { CaptionCollector } from '@oxbow/media/captions/collector';
import type { Frame, Track } from '@oxbow/media/frame';
import { CueList } from '@oxbow/media/subtitles/bounds';
import { printVtt } from '@oxbow/media/webvtt/print';
import type { AssetCaptions } from '../../api/library/asset-facts.ts';
import type { TextFiles } from './text-packets.ts';

/** Number of the file of CC1, less one. Streams of containers have lower numbers (`maxTracks`). */
const FIRST_FILE = 1000;

/** The captions of the first picture track that can carry them. */
export class ImportedCaptions {
  readonly #track: Track | undefined;
  readonly #collector: CaptionCollector | undefined;
  #endMs = 0;

  constructor(tracks: readonly Track[]) {
    this.#track = tracks.find(({ config: { codec } }) => codec === 'h264' || codec === 'hevc');
    const codec = this.#track?.config.codec;
    if (codec === 'h264' || codec === 'hevc') this.#collector = new CaptionCollector(codec);
  }

  /** Takes the next frames of all tracks. */
  push(frames: readonly Frame[]): void {
    const [track, collector] = [this.#track, this.#collector];
    if (!track || !collector) return;
    for (const { trackId, pts, duration, data } of frames) {
      if (trackId !== track.id) continue;
      collector.add(data, (pts * 1000) / track.timescale);
      this.#endMs = Math.max(this.#endMs, ((pts + duration) * 1000) / track.timescale);
    }
  }

  /** After the last frame: the services; none where the picture cannot carry captions. */
  services(): AssetCaptions[] {
    this.#collector?.end(this.#endMs);
    return (this.#collector?.services ?? []).map(unnamedChannel);
  }

  /**
   * After `services`: a text track for each service of CEA-608 that has text, and a warning for each that is
   * not complete.
   *
   * @param originUs time of the container at which the asset begins
   */
  texts(originUs: number): { readonly files: readonly TextFiles[]; readonly warnings: readonly string[] } {
    const files: TextFiles[] = [];
    const warnings: string[] = [];
    const originMs = originUs / 1000;
    const byService = Map.groupBy(this.#collector?.cues ?? [], ({ service }) => service);
    for (const [service, serviceCues] of [...byService].sort(([a], [b]) => a.localeCompare(b))) {
      const list = new CueList();
      for (const cue of serviceCues) list.add({ ...cue, startMs: cue.startMs - originMs, endMs: cue.endMs - originMs });
      if (list.dropped > 0)
        warnings.push(`${service} has too many captions: ${list.dropped} were left out of its text.`);
      const cues = list.take();
      if (cues.length === 0) continue;
      const { language, name } = unnamedChannel(service);
      files.push({
        stream: FIRST_FILE + Number(service.slice('CC'.length)),
        language,
        title: name,
        isDefault: false,
        isForced: false,
        cues: cues.length,
        hasScript: false,
        vtt: Buffer.from(printVtt({ header: 'WEBVTT', cues }), 'utf8'),
        script: undefined,
      });
    }
    return { files, warnings };
  }
}
