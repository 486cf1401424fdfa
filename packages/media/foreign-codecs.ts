/**
 * Names of unsupported codecs, by their codes in MP4 files and CODECS attributes.
 * In: four-character codes (mp4ra.org), objectTypeIndications (ISO/IEC 14496-1, table 5). Out: readable
 * names. Pure.
 */
import type { LeftOutTrack } from './left-out.ts';

type Kind = LeftOutTrack['kind'];

const video = (name: string): LeftOutTrack => ({ kind: 'video', name: `${name} video` });
const audio = (name: string): LeftOutTrack => ({ kind: 'audio', name: `${name} audio` });
const text = (name: string): LeftOutTrack => ({ kind: 'text', name });

const BY_CODE: ReadonlyMap<string, LeftOutTrack> = new Map([
  ['jxsm', video('JPEG XS')],
  ['vp08', video('VP8')],
  ['vvc1', video('VVC')],
  ['vvi1', video('VVC')],
  ['mp4v', video('MPEG-4 Visual')],
  ['m2v1', video('MPEG-2')],
  ['mp2v', video('MPEG-2')],
  ['mpg2', video('MPEG-2')],
  ['vc-1', video('VC-1')],
  ['dvh1', video('Dolby Vision')],
  ['dvhe', video('Dolby Vision')],
  ['apch', video('ProRes')],
  ['apcn', video('ProRes')],
  ['apcs', video('ProRes')],
  ['apco', video('ProRes')],
  ['ap4h', video('ProRes')],
  ['mjpg', video('Motion JPEG')],
  ['mjpa', video('Motion JPEG')],
  ['mjpb', video('Motion JPEG')],
  ['jpeg', video('JPEG')],
  ['s263', video('H.263')],
  ['alac', audio('Apple Lossless')],
  ['ac-4', audio('AC-4')],
  ['dtsc', audio('DTS')],
  ['dtse', audio('DTS')],
  ['dtsh', audio('DTS-HD')],
  ['dtsl', audio('DTS-HD')],
  ['dtsx', audio('DTS:X')],
  ['mlpa', audio('TrueHD')],
  ['mha1', audio('MPEG-H')],
  ['mhm1', audio('MPEG-H')],
  ['samr', audio('AMR')],
  ['sawb', audio('AMR')],
  ['sowt', audio('PCM')],
  ['twos', audio('PCM')],
  ['lpcm', audio('PCM')],
  ['ipcm', audio('PCM')],
  ['fpcm', audio('PCM')],
  ['in24', audio('PCM')],
  ['fl32', audio('PCM')],
  ['ulaw', audio('PCM')],
  ['alaw', audio('PCM')],
  ['stpp', text('TTML subtitles')],
  ['tx3g', text('3GPP timed text')],
  ['stxt', text('plain text subtitles')],
  ['c608', text('CEA-608 captions')],
  ['c708', text('CEA-708 captions')],
]);

/** Of `mp4v` and `mp4a`, which hold many codecs. */
const BY_OBJECT_TYPE: ReadonlyMap<number, LeftOutTrack> = new Map([
  [0x20, video('MPEG-4 Visual')],
  ...[0x60, 0x61, 0x62, 0x63, 0x64, 0x65].map((type) => [type, video('MPEG-2')] as const),
  [0x6a, video('MPEG-1')],
  [0x6c, video('JPEG')],
  [0xa3, video('VC-1')],
  [0xa5, audio('AC-3')],
  [0xa6, audio('E-AC-3')],
  ...[0xa9, 0xaa, 0xab, 0xac].map((type) => [type, audio('DTS')] as const),
  [0xdd, audio('Vorbis')],
]);

const WORDS: Readonly<Record<Kind, string>> = {
  video: 'video of',
  audio: 'audio of',
  text: 'subtitles of',
  program: 'a track of',
  unknown: 'a track of',
};

/**
 * The track of a sample entry.
 *
 * @param code four characters
 * @param kind of the container; the code takes precedence
 */
export function foreignTrack(code: string, kind: Kind): LeftOutTrack {
  const printable = /^[\x20-\x7e]{1,8}$/.test(code) ? code : '?';
  return BY_CODE.get(code) ?? { kind, name: `${WORDS[kind]} unknown codec '${printable}'` };
}

/** The track of an objectTypeIndication of `mp4v` or `mp4a`. */
export function foreignObject(objectType: number, kind: 'video' | 'audio'): LeftOutTrack {
  const type = objectType.toString(16).toUpperCase().padStart(2, '0');
  return BY_OBJECT_TYPE.get(objectType) ?? { kind, name: `${WORDS[kind]} unknown object type ${type}` };
}

/** The track of an element of a CODECS attribute (RFC 6381, 3). */
export function foreignCodec(codec: string): LeftOutTrack {
  const [code = '', object = ''] = codec.split('.');
  const isObject = /^mp4[va]$/i.test(code) && /^[0-9a-f]{2}$/i.test(object);
  if (isObject) return foreignObject(Number.parseInt(object, 16), /v$/i.test(code) ? 'video' : 'audio');
  const track = [...BY_CODE].find(([name]) => name.toLowerCase() === code.toLowerCase())?.[1];
  return track ?? foreignTrack(code, 'unknown');
}
