/**
 * Subtitles in separate files, as WebVTT: text tracks of its element. The viewer's choice is kept in
 * the browser, by name, for the next videos.
 * In: a video element, addresses, the viewer's choice. Out: options next to those of the media; modes of text
 * tracks. WHATWG HTML 4.8.11.11.
 */
import type { Choice } from '../../media/state.ts';
import { readStored, store } from '../../viewer/storage.ts';

/** A file with subtitles. */
export interface TextFile {
  readonly name: string;
  /** Of WebVTT, on this server. */
  readonly url: string;
}

const KEY = 'oxbow.room.subtitles';
/** The language in a name: `Harbour.en.srt`, `harbour.zh-CN.forced.vtt`. */
const LANGUAGE = /[._ -]([a-z]{2,3}(?:-[A-Za-z]{2,4})?)(?:\.(?:forced|sdh|default|cc))?$/;
const EXTENSION = /\.(?:srt|vtt|ass|ssa)$/i;

/** The language that a file name has; empty: none. */
export function languageOf(name: string): string {
  return LANGUAGE.exec(name.replace(EXTENSION, ''))?.[1] ?? '';
}

/** The subtitles of one video. */
export class TextFiles {
  readonly #tracks: readonly { readonly choice: Choice; readonly element: HTMLTrackElement }[];

  constructor(video: HTMLVideoElement, files: readonly TextFile[]) {
    this.#tracks = files.map(({ name, url }, index) => {
      const element = video.ownerDocument.createElement('track');
      const language = languageOf(name);
      Object.assign(element, { kind: 'subtitles', src: url, label: name, srclang: language });
      video.append(element);
      return {
        choice: { id: `file:${index}/${name}`, language, label: name.replace(EXTENSION, '') },
        element,
      };
    });
  }

  /** What can be chosen. */
  get choices(): readonly Choice[] {
    return this.#tracks.map(({ choice }) => choice);
  }

  /** The option that fits the viewer's last choice: the same language or name; null: off, or none fits. */
  get remembered(): string | null {
    const [language, label] = (readStored(KEY) ?? '').split('/', 2);
    const track = this.#tracks.find(
      ({ choice }) => (choice.language !== '' && choice.language === language) || (label && choice.label === label),
    );
    return track?.choice.id ?? null;
  }

  /** Shows the subtitles with an id, and no others. */
  show(id: string | null): void {
    for (const { choice, element } of this.#tracks) {
      const mode = choice.id === id ? 'showing' : 'disabled';
      if (element.track.mode !== mode) element.track.mode = mode;
    }
  }

  /** Keeps a choice of the viewer for the next videos. */
  remember(id: string | null): void {
    const chosen = this.#tracks.find(({ choice }) => choice.id === id)?.choice;
    if (id === null || chosen) store(KEY, chosen ? `${chosen.language}/${chosen.label}` : '');
  }
}
