/**
 * Reads a Multivariant Playlist.
 * In: its lines. Out: a MultivariantPlaylist. Pure. RFC 8216bis 4.4.6.
 */
import { FormatError } from '../errors.ts';
import { type Attributes, parseAttributes, parseInteger } from './attributes.ts';
import type { Line } from './lines.ts';
import { parseKey, parseStart } from './parse-media.ts';
import type {
  ContentSteering,
  IFrameVariant,
  KeyTag,
  MultivariantPlaylist,
  Rendition,
  SessionData,
  StartTag,
  Variant,
} from './playlist.ts';
import { type VariableSources, Variables } from './variables.ts';

const renditionTypes: ReadonlySet<string> = new Set(['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS']);

/** Lines that say something: the choice is small, also where Media Playlists are long. */
const MAX_LINES = 10_000;

/**
 * @param lines of one playlist, at most 10,000
 * @throws FormatError for a malformed playlist; unknown tags are skipped
 */
export function parseMultivariantLines(lines: readonly Line[], sources: VariableSources): MultivariantPlaylist {
  const extra = lines[MAX_LINES];
  if (extra) throw new FormatError(`a Multivariant Playlist of more than ${MAX_LINES} lines`, extra.offset);
  const variables = new Variables(sources);
  const variants: Variant[] = [];
  const renditions: Rendition[] = [];
  const iFrameVariants: IFrameVariant[] = [];
  const sessionData: SessionData[] = [];
  const sessionKeys: KeyTag[] = [];
  let version = 1;
  let independentSegments = false;
  let start: StartTag | undefined;
  let contentSteering: ContentSteering | undefined;
  let streamInf: { readonly attributes: Attributes; readonly offset: number } | undefined;
  for (const line of lines) {
    const { tag, value, offset } = line;
    const attributes = () => parseAttributes(value, tag, offset, (text) => variables.substitute(text, offset));
    switch (tag) {
      case '':
        // A URI without EXT-X-STREAM-INF is ignored.
        if (streamInf) {
          variants.push(readVariant(streamInf.attributes, streamInf.offset, variables.substitute(value, offset)));
        }
        streamInf = undefined;
        break;
      case '#EXT-X-VERSION':
        version = parseInteger(value, tag, offset);
        break;
      case '#EXT-X-INDEPENDENT-SEGMENTS':
        independentSegments = true;
        break;
      case '#EXT-X-START':
        start = parseStart(attributes(), offset);
        break;
      case '#EXT-X-DEFINE':
        variables.define(attributes(), offset);
        break;
      case '#EXT-X-STREAM-INF':
        streamInf = { attributes: attributes(), offset };
        break;
      case '#EXT-X-I-FRAME-STREAM-INF': {
        const list = attributes();
        const { audio, subtitles, closedCaptions, frameRate, ...variant } = readVariant(list, offset, list.need('URI'));
        iFrameVariants.push(variant);
        break;
      }
      case '#EXT-X-MEDIA': {
        const rendition = readRendition(attributes());
        if (rendition) renditions.push(rendition);
        break;
      }
      case '#EXT-X-SESSION-DATA': {
        const list = attributes();
        const texted = texts(list, { value: 'VALUE', uri: 'URI', language: 'LANGUAGE' });
        sessionData.push({ dataId: list.need('DATA-ID'), ...texted });
        break;
      }
      case '#EXT-X-CONTENT-STEERING': {
        const list = attributes();
        contentSteering = { serverUri: list.need('SERVER-URI'), ...texts(list, { pathwayId: 'PATHWAY-ID' }) };
        break;
      }
      case '#EXT-X-SESSION-KEY':
        sessionKeys.push(parseKey(attributes()));
        break;
      default:
    }
  }
  return {
    version,
    independentSegments,
    variants,
    renditions,
    ...(iFrameVariants.length > 0 && { iFrameVariants }),
    ...(sessionData.length > 0 && { sessionData }),
    ...(sessionKeys.length > 0 && { sessionKeys }),
    ...(contentSteering && { contentSteering }),
    ...(start && { start }),
    ...(variables.values.size > 0 && { variables: variables.values }),
  };
}

function readVariant(attributes: Attributes, offset: number, uri: string): Variant {
  const bandwidth = attributes.integer('BANDWIDTH');
  if (bandwidth === undefined) throw new FormatError('a Variant Stream has no BANDWIDTH', offset);
  const averageBandwidth = attributes.integer('AVERAGE-BANDWIDTH');
  const score = attributes.float('SCORE');
  const frameRate = attributes.float('FRAME-RATE');
  const resolution = attributes.resolution('RESOLUTION');
  return {
    uri,
    bandwidth,
    ...(averageBandwidth !== undefined && { averageBandwidth }),
    ...(score !== undefined && { score }),
    ...(resolution && { resolution }),
    ...(frameRate !== undefined && { frameRate }),
    ...texts(attributes, {
      codecs: 'CODECS',
      supplementalCodecs: 'SUPPLEMENTAL-CODECS',
      hdcpLevel: 'HDCP-LEVEL',
      videoRange: 'VIDEO-RANGE',
      stableVariantId: 'STABLE-VARIANT-ID',
      audio: 'AUDIO',
      video: 'VIDEO',
      subtitles: 'SUBTITLES',
      closedCaptions: 'CLOSED-CAPTIONS',
      pathwayId: 'PATHWAY-ID',
      name: 'NAME',
    }),
  };
}

/** Renditions of a type that is not known are stepped over. */
function readRendition(attributes: Attributes): Rendition | undefined {
  const type = attributes.need('TYPE');
  if (!renditionTypes.has(type)) return undefined;
  const isDefault = attributes.yes('DEFAULT');
  return {
    type: type as Rendition['type'],
    groupId: attributes.need('GROUP-ID'),
    name: attributes.text('NAME') ?? '',
    default: isDefault,
    // DEFAULT=YES implies it (4.4.6.1).
    autoselect: isDefault || attributes.yes('AUTOSELECT'),
    ...(attributes.yes('FORCED') && { forced: true }),
    ...texts(attributes, {
      language: 'LANGUAGE',
      assocLanguage: 'ASSOC-LANGUAGE',
      uri: 'URI',
      instreamId: 'INSTREAM-ID',
      characteristics: 'CHARACTERISTICS',
      channels: 'CHANNELS',
      stableRenditionId: 'STABLE-RENDITION-ID',
      pathwayId: 'PATHWAY-ID',
    }),
  };
}

/** The members whose attribute is there. */
function texts<K extends string>(attributes: Attributes, names: Readonly<Record<K, string>>): { [P in K]?: string } {
  const values: { [P in K]?: string } = {};
  for (const member of Object.keys(names) as K[]) {
    const value = attributes.text(names[member]);
    if (value !== undefined) values[member] = value;
  }
  return values;
}
