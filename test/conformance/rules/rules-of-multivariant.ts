/**
 * Rules over the text of a Multivariant Playlist.
 * In: the list as it was read. Out: problems. RFC 8216bis 4.4.6; Apple 6 and 9.
 */
import type { MultivariantText, TextVariant } from '../multivariant-text.ts';
import type { Rule } from './rule.ts';

const lineOf = ({ line }: TextVariant) => `line ${line}`;
const codecsOf = ({ attributes }: TextVariant) => attributes.get('CODECS')?.text.split(',') ?? [];
const VIDEO = /^(avc|hvc|hev|av01|vp0|dvh)/;
const INSTREAM_ID = /^(CC[1-4]|SERVICE([1-9]|[1-5]\d|6[0-3]))$/;
/** Whether a Variant Stream has a picture, by its CODECS. */
const hasVideo = (variant: TextVariant) => codecsOf(variant).some((codec) => VIDEO.test(codec));

/** Rules of Multivariant Playlists. */
export const rulesOfMultivariant: readonly Rule<MultivariantText>[] = [
  {
    id: 'stream-inf-uri',
    section: '4.4.6.2',
    severity: 'must',
    says: 'EXT-X-STREAM-INF is followed by its URI, and there is at least one.',
    *check({ variants }) {
      if (variants.length === 0) yield { where: '', detail: 'there is no Variant Stream' };
      for (const variant of variants) {
        if (variant.uri === '') yield { where: lineOf(variant), detail: 'no URI follows' };
      }
    },
  },
  {
    id: 'codecs-said',
    section: '4.4.6.2, Apple 9.1',
    severity: 'must',
    says: 'Every Variant Stream has CODECS.',
    *check({ variants }) {
      for (const variant of variants) {
        if (codecsOf(variant).join('') === '') yield { where: lineOf(variant), detail: 'it has no CODECS' };
      }
    },
  },
  {
    id: 'resolution-said',
    section: '4.4.6.2, Apple 9.2',
    severity: 'must',
    says: 'A Variant Stream with video has RESOLUTION.',
    *check({ variants }) {
      for (const variant of variants) {
        if (hasVideo(variant) && !variant.attributes.has('RESOLUTION')) {
          yield { where: lineOf(variant), detail: 'it has no RESOLUTION' };
        }
      }
    },
  },
  {
    id: 'frame-rate-said',
    section: '4.4.6.2, Apple 9.15',
    severity: 'should',
    says: 'A Variant Stream with video of a constant frame rate has FRAME-RATE.',
    *check({ variants }) {
      for (const variant of variants) {
        if (hasVideo(variant) && !variant.attributes.has('FRAME-RATE')) {
          yield { where: lineOf(variant), detail: 'it has no FRAME-RATE' };
        }
      }
    },
  },
  {
    id: 'average-bandwidth-said',
    section: 'Apple 9.14',
    severity: 'should',
    says: 'Every Variant Stream has AVERAGE-BANDWIDTH.',
    *check({ variants }) {
      for (const variant of variants) {
        if (!variant.attributes.has('AVERAGE-BANDWIDTH')) {
          yield { where: lineOf(variant), detail: 'it has no AVERAGE-BANDWIDTH' };
        }
      }
    },
  },
  {
    id: 'group-exists',
    section: '4.4.6.2.1',
    severity: 'must',
    says: 'A group that a Variant Stream names has members of its type.',
    *check({ variants, renditions }) {
      for (const variant of variants) {
        for (const type of ['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS']) {
          const group = variant.attributes.get(type)?.text;
          if (type === 'CLOSED-CAPTIONS' && group === 'NONE') continue;
          const isThere = renditions.some(
            ({ attributes }) => attributes.get('TYPE')?.text === type && attributes.get('GROUP-ID')?.text === group,
          );
          if (group !== undefined && !isThere) yield { where: lineOf(variant), detail: `${type} "${group}" is empty` };
        }
      }
    },
  },
  {
    id: 'captions-agree',
    section: '4.4.6.2',
    severity: 'must',
    says: 'CLOSED-CAPTIONS=NONE is that of every Variant Stream or of none; captions are the same group in all with video of one codec.',
    *check({ variants }) {
      const saying = (variant: TextVariant) => variant.attributes.get('CLOSED-CAPTIONS')?.text;
      const isNone = variants.some((variant) => saying(variant) === 'NONE');
      const groups = new Map<string, string | undefined>();
      for (const variant of variants) {
        const own = saying(variant);
        if (isNone && own !== 'NONE') yield { where: lineOf(variant), detail: 'another Variant Stream has NONE' };
        const codec = codecsOf(variant)
          .find((one) => VIDEO.test(one))
          ?.slice(0, 3);
        if (codec === undefined) continue;
        if (groups.has(codec) && groups.get(codec) !== own) {
          yield { where: lineOf(variant), detail: 'another Variant Stream has other captions' };
        }
        groups.set(codec, own);
      }
    },
  },
  {
    id: 'captions-within',
    section: '4.4.6.1',
    severity: 'must',
    says: 'A Rendition of CLOSED-CAPTIONS has INSTREAM-ID, CC1 to CC4 or SERVICE1 to SERVICE63, and no URI; others have none.',
    *check({ renditions }) {
      for (const { number, attributes } of renditions) {
        const where = `line ${number}`;
        const id = attributes.get('INSTREAM-ID')?.text;
        if (attributes.get('TYPE')?.text !== 'CLOSED-CAPTIONS') {
          if (id !== undefined) yield { where, detail: 'it has INSTREAM-ID' };
          continue;
        }
        if (!INSTREAM_ID.test(id ?? '')) yield { where, detail: `INSTREAM-ID is ${id ?? 'missing'}` };
        if (attributes.has('URI')) yield { where, detail: 'it has a URI' };
      }
    },
  },
  {
    id: 'group-members',
    section: '4.4.6.1.1',
    severity: 'must',
    says: 'Members of a group have different names, at most one is DEFAULT, and DEFAULT implies AUTOSELECT.',
    *check({ renditions }) {
      const names = new Set<string>();
      const defaults = new Set<string>();
      for (const { number, attributes } of renditions) {
        const where = `line ${number}`;
        const of = (name: string) => attributes.get(name)?.text;
        const group = `${of('TYPE')} "${of('GROUP-ID')}"`;
        const name = `${group} "${of('NAME')}"`;
        if (names.has(name)) yield { where, detail: `${name} is there already` };
        names.add(name);
        if (of('DEFAULT') !== 'YES') continue;
        if (of('AUTOSELECT') === 'NO') yield { where, detail: 'DEFAULT=YES with AUTOSELECT=NO' };
        if (defaults.has(group)) yield { where, detail: `${group} has a second DEFAULT` };
        defaults.add(group);
      }
    },
  },
  {
    id: 'group-language',
    section: 'Apple 8.10',
    severity: 'should',
    says: 'EXT-X-MEDIA has LANGUAGE (oxbow omits it if the source does not state it).',
    *check({ renditions }) {
      for (const { number, attributes } of renditions) {
        if (attributes.get('TYPE')?.text !== 'VIDEO' && !attributes.has('LANGUAGE')) {
          yield { where: `line ${number}`, detail: 'it has no LANGUAGE' };
        }
      }
    },
  },
  {
    id: 'independent-segments-said',
    section: 'Apple 9.11',
    severity: 'should',
    says: 'EXT-X-INDEPENDENT-SEGMENTS is present (oxbow cuts long GOPs between key frames, so it does not promise this).',
    *check({ read }) {
      if (!read.lines.some(({ tag }) => tag === 'EXT-X-INDEPENDENT-SEGMENTS')) {
        yield { where: '', detail: 'it is not said' };
      }
    },
  },
  {
    id: 'i-frame-playlists',
    section: 'Apple 6.1',
    severity: 'should',
    says: 'I-frame playlists exist for scrubbing.',
    *check({ read, variants }) {
      if (variants.some(hasVideo) && !read.lines.some(({ tag }) => tag === 'EXT-X-I-FRAME-STREAM-INF')) {
        yield { where: '', detail: 'there is no EXT-X-I-FRAME-STREAM-INF' };
      }
    },
  },
  {
    id: 'several-bit-rates',
    section: 'Apple 9.9',
    severity: 'should',
    says: 'There are several bit rates of video.',
    *check({ variants }) {
      const videos = variants.filter(hasVideo).length;
      if (videos === 1) yield { where: '', detail: 'there is one' };
    },
  },
];
