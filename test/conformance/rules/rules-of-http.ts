/**
 * Rules over HTTP: what is listed is served, how it is described, compressed, validated, cut.
 * In: requests with their answers. Out: problems. RFC 8216bis 4, 6.2, B.1; RFC 9110; Apple 10.
 */
import { gunzipSync } from 'node:zlib';
import type { Answer, Problem, Rule } from './rule.ts';

/** The request. */
export type Kind = 'index' | 'live' | 'past' | 'init' | 'segment' | 'part';

/** A plain GET. */
export interface Served {
  readonly url: string;
  readonly kind: Kind;
  readonly answer: Answer;
  /** The list's; of what is no list, NaN. */
  readonly targetDurationS: number;
  /** Headers were handed on: those that came over HTTP are judged. */
  readonly overHttp: boolean;
}

/** The same resource by the other forms of a request. */
export interface Forms {
  readonly url: string;
  readonly isList: boolean;
  readonly plain: Answer;
  /** With `accept-encoding: gzip`. */
  readonly zipped: Answer;
  /** With the validator of `plain`; undefined where it has none. */
  readonly unchanged: Answer | undefined;
  /** Of bytes 1 to 10. */
  readonly range: Answer;
  /** Of a range that begins behind the end. */
  readonly beyond: Answer;
}

const isList = ({ kind }: Served) => kind === 'index' || kind === 'live' || kind === 'past';
const same = (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(b);
const maxAge = (answer: Answer) => Number(/(?:^|[ ,])max-age=(\d+)/.exec(answer.headers['cache-control'] ?? '')?.[1]);
/** Below this nothing is gained (docs/media.md 27). */
const GZIP_FROM_BYTES = 1400;

function bodyOf(answer: Answer): Uint8Array | undefined {
  if (answer.headers['content-encoding'] !== 'gzip') return answer.body;
  try {
    return gunzipSync(answer.body);
  } catch {
    return undefined;
  }
}

/** Rules of plain requests. */
export const rulesOfServed: readonly Rule<Served>[] = [
  {
    id: 'listed-served',
    section: '6.2.1',
    severity: 'must',
    says: 'Everything that a playlist lists exists: status 200, and not empty.',
    *check({ answer }) {
      if (answer.status !== 200) yield { where: '', detail: `status ${answer.status}` };
      else if (answer.body.length === 0) yield { where: '', detail: 'it is empty' };
    },
  },
  {
    id: 'content-type',
    section: '4, Apple 10.4',
    severity: 'must',
    says: 'Playlists are application/vnd.apple.mpegurl (or audio/mpegurl), initialization sections video/mp4 or audio/mp4, media video/iso.segment or one of those.',
    *check(served) {
      if (!served.overHttp || served.answer.status !== 200) return;
      const type = (served.answer.headers['content-type'] ?? '').split(';')[0]!;
      const mp4 = ['video/mp4', 'audio/mp4'];
      const segment = ['video/iso.segment', ...mp4, 'video/mp2t'];
      const good = isList(served)
        ? ['application/vnd.apple.mpegurl', 'audio/mpegurl']
        : served.kind === 'init'
          ? mp4
          : segment;
      if (!good.includes(type)) yield { where: '', detail: `content-type is '${type}'` };
    },
  },
  {
    id: 'cors',
    section: 'Fetch 3.2, docs/media.md 27',
    severity: 'must',
    says: 'Any page may play public streams: access-control-allow-origin.',
    *check({ overHttp, answer }) {
      if (overHttp && answer.headers['access-control-allow-origin'] !== '*') {
        yield { where: '', detail: 'there is no access-control-allow-origin: *' };
      }
    },
  },
  {
    id: 'length-true',
    section: 'RFC 9110 8.6',
    severity: 'must',
    says: 'Content-Length is present and is the length of the body.',
    *check({ overHttp, answer }) {
      const said = answer.headers['content-length'];
      if (overHttp && said !== String(answer.body.length)) {
        yield { where: '', detail: `content-length is ${said}, ${answer.body.length} bytes came` };
      }
    },
  },
  {
    id: 'cache-list',
    section: 'B.1, docs/media.md 16',
    severity: 'must',
    says: 'Caches keep a live playlist at most half its target duration; a playlist of the past that may be filled in, and a Multivariant Playlist, at most a minute.',
    *check(served) {
      const { kind, answer, overHttp, targetDurationS } = served;
      if (!overHttp || answer.status !== 200 || !isList(served)) return;
      const control = answer.headers['cache-control'] ?? '';
      if (/no-store|no-cache/.test(control) || (kind !== 'live' && /immutable/.test(control))) return;
      const mostS = kind !== 'live' ? 60 : Math.max(1, (targetDurationS || 2) / 2);
      if (!(maxAge(answer) <= mostS)) yield { where: '', detail: `cache-control is '${control}'` };
    },
  },
  {
    id: 'cache-media',
    section: 'B.1, docs/media.md 14',
    severity: 'must',
    says: 'Segments, parts and initialization sections have permanent names: caches may keep them.',
    *check(served) {
      const { answer, overHttp } = served;
      if (!overHttp || answer.status !== 200 || isList(served)) return;
      if (!(maxAge(answer) >= 60)) yield { where: '', detail: `cache-control is '${answer.headers['cache-control']}'` };
    },
  },
];

/** Rules of the forms of a request. */
export const rulesOfForms: readonly Rule<Forms>[] = [
  {
    id: 'gzip-given',
    section: 'B.1, Apple 10.1',
    severity: 'must',
    says: 'Playlists that are long enough are compressed for clients that accept it; media never is.',
    *check({ isList: list, plain, zipped }) {
      const encoding = zipped.headers['content-encoding'];
      if (list && plain.body.length >= GZIP_FROM_BYTES && encoding !== 'gzip') {
        yield { where: '', detail: `${plain.body.length} bytes came as they are` };
      }
      if (!list && encoding !== undefined) yield { where: '', detail: `media came as ${encoding}` };
    },
  },
  {
    id: 'gzip-true',
    section: 'RFC 9110 8.4',
    severity: 'must',
    says: 'A compressed response can be decompressed, has a playlist, has Vary: Accept-Encoding and its own validator; without a request nothing is compressed.',
    *check({ plain, zipped }) {
      if (plain.headers['content-encoding'] !== undefined) yield { where: '', detail: 'it is compressed unasked' };
      if (zipped.headers['content-encoding'] === undefined) return;
      const body = bodyOf(zipped);
      if (!body) yield { where: '', detail: 'it does not open' };
      else if (!Buffer.from(body).toString().startsWith('#EXTM3U')) yield { where: '', detail: 'it holds no list' };
      if (!/accept-encoding/i.test(zipped.headers.vary ?? '')) yield { where: '', detail: 'Vary does not name it' };
      const { etag } = zipped.headers;
      if (
        etag !== undefined &&
        !etag.startsWith('W/') &&
        etag === plain.headers.etag &&
        body &&
        same(body, plain.body)
      ) {
        yield { where: '', detail: 'both forms have the same strong ETag' };
      }
    },
  },
  {
    id: 'etag-not-modified',
    section: 'RFC 9110 13.1.2',
    severity: 'must',
    says: 'A client with the newest bytes gets 304 without a body; otherwise the ETag differs.',
    *check({ plain, unchanged }) {
      if (!unchanged) return;
      if (unchanged.status === 304 ? unchanged.body.length > 0 : unchanged.headers.etag === plain.headers.etag) {
        yield { where: '', detail: `status ${unchanged.status}, ${unchanged.body.length} bytes` };
      }
    },
  },
  {
    id: 'range-true',
    section: 'RFC 9110 14, 6.2.6',
    severity: 'must',
    says: 'A range of media is answered with 206 and exactly those bytes, a range after the end with 416.',
    *check({ isList: list, plain, range, beyond }) {
      if (list || plain.body.length < 11) return;
      yield* checkRange(plain, range);
      if (beyond.status !== 416) yield { where: '', detail: `status ${beyond.status} for a range behind the end` };
    },
  },
];

function* checkRange(plain: Answer, range: Answer): Iterable<Problem> {
  const said = range.headers['content-range'];
  if (range.status !== 206) yield { where: '', detail: `status ${range.status} for a range` };
  else if (said !== `bytes 1-10/${plain.body.length}`) yield { where: '', detail: `content-range is '${said}'` };
  else if (!same(range.body, plain.body.subarray(1, 11))) yield { where: '', detail: 'the range holds other bytes' };
}
