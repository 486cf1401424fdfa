/**
 * Closed captions within the video (CEA-608): hls.js decodes them into text tracks of the element; here they
 * are listed, and shown or not.
 * In: hls.js, the viewer's choice. Out: options next to the subtitles; modes of text tracks.
 */
import type Hls from 'hls.js';
import type { BufferAppendedData, MediaPlaylist } from 'hls.js';
import type { Choice } from './state.ts';

/** What the playlist of an hls.js announces. */
const announced = new WeakMap<Hls, readonly MediaPlaylist[]>();
/** hls.js decodes CEA-608 only, and takes SERVICE1 for another name of CC1. */
const CHANNEL = /^(?:CC|SERVICE)([1-4])$/;

/** Names of captions that no playlist announces. */
export const captionNames = {
  captionsTextTrack1Label: 'CC1',
  captionsTextTrack2Label: 'CC2',
  captionsTextTrack3Label: 'CC3',
  captionsTextTrack4Label: 'CC4',
  captionsTextTrack1LanguageCode: '',
  captionsTextTrack2LanguageCode: '',
  captionsTextTrack3LanguageCode: '',
  captionsTextTrack4LanguageCode: '',
} as const;

/** The part of hls.js that decodes captions, as far as it is used here. */
interface CaptionDecoder {
  onBufferAppended(event: string, data: BufferAppendedData): void;
}
const complete = new WeakSet<typeof Hls>();

/**
 * Lets hls.js show captions where picture and sound are in one rendition: hls.js 1.7 adds its cues when a
 * buffer of the type `video` has grown, and there the type is `audiovideo`.
 */
export function addCaptionsOfMuxed(Engine: typeof Hls): void {
  const config = Engine.DefaultConfig;
  if (complete.has(Engine) || !config?.timelineController) return;
  complete.add(Engine);
  const Decoder = config.timelineController as unknown as new (hls: Hls) => CaptionDecoder;
  class MuxedDecoder extends Decoder {
    override onBufferAppended(event: string, data: BufferAppendedData): void {
      const muxed = data.type === 'audiovideo' && data.timeRanges.audiovideo;
      const asVideo = muxed && ({ ...data, type: 'video', timeRanges: { ...data.timeRanges, video: muxed } } as const);
      super.onBufferAppended(event, asVideo || data);
    }
  }
  Engine.DefaultConfig = { ...config, timelineController: MuxedDecoder as never };
}

/**
 * Reads the captions of a new hls.js, before it loads; `changed` is called when they are found in the
 * video.
 */
export function followCaptions({ Events }: typeof Hls, hls: Hls, changed: () => void): void {
  const ends = new AbortController();
  hls.on(Events.MANIFEST_LOADED, (_, { captions }) => announced.set(hls, captions ?? []));
  hls.on(Events.MEDIA_ATTACHED, (_, { media }) =>
    media.textTracks.addEventListener('addtrack', changed, { signal: ends.signal }),
  );
  hls.on(Events.DESTROYING, () => ends.abort());
}

/**
 * The captions that are announced, and those that were found. CC1 to CC4 are left out where the subtitles
 * have them under that name: the import of an asset made them text.
 */
export function captionsOf(hls: Hls): Choice[] {
  const choices = [...listed(hls).map(asChoice), ...tracksOf(hls).map((track) => choiceOf(hls, track))];
  const asText = new Set(hls.subtitleTracks.map(({ name }) => name).filter((name) => /^CC[1-4]$/.test(name)));
  return choices.filter(
    ({ id, label }, i) => !asText.has(label) && choices.findIndex((choice) => choice.id === id) === i,
  );
}

/** Shows the captions with an id, and hides the others. */
export function showCaptions(hls: Hls, id: string | null): void {
  for (const track of tracksOf(hls)) {
    const mode = choiceOf(hls, track).id === id ? 'showing' : 'hidden';
    if (track.mode !== mode) track.mode = mode;
  }
}

function listed(hls: Hls): readonly MediaPlaylist[] {
  return (announced.get(hls) ?? []).filter(({ instreamId = '' }) => /^CC[1-4]$/.test(instreamId));
}

function tracksOf({ media }: Hls): TextTrack[] {
  return Array.from(media?.textTracks ?? []).filter(({ kind }) => kind === 'captions');
}

/** The option of a text track. hls.js names it as the playlist does. */
function choiceOf(hls: Hls, { label, language }: TextTrack): Choice {
  const entry = announced.get(hls)?.find(({ name }) => name === label);
  const channel = CHANNEL.exec(entry?.instreamId ?? '')?.[1];
  const rendition = listed(hls).find(({ instreamId }) => instreamId === `CC${channel}`);
  return rendition ? asChoice(rendition) : { id: `cc:${language}/${label}`, language, label };
}

function asChoice({ lang = '', name }: MediaPlaylist): Choice {
  return { id: `cc:${lang}/${name}`, language: lang, label: name };
}
