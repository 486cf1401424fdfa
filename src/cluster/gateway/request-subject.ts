/**
 * The subject of a request to a node: the stream, room, asset, upload or clip whose owner answers it.
 * In: methods and targets of requests, addresses of media. Out: a subject; undefined for requests that every
 * node can answer. Pure. docs/decisions/0055.
 */
import { isClipId } from '../../api/clips/clip-address.ts';
import { assetOf, clipOf, type MediaAddress } from '../../api/media-address.ts';
import { splitTarget } from '../../api/signed-path.ts';
import { isStreamName } from '../../api/stream/stream-name.ts';
import type { OwnedKind } from '../placement/placement.ts';

export interface OwnedThing {
  readonly kind: OwnedKind;
  readonly key: string;
}

/**
 * The subject of a request. A clip belongs to its stream, which its id does not name; a worker to the node
 * that its id names.
 */
export type Subject = OwnedThing | { readonly clip: string } | { readonly worker: string };

/** Why requests are passed to other nodes, for metrics. */
export type PassedKind = 'media' | 'api' | 'upload' | 'page' | 'webrtc' | 'socket' | 'list';

/** A request about something. */
interface AboutRequest {
  readonly passed: PassedKind;
  readonly subject: Subject;
}

/** A request that names its subject in its body. */
export interface AboutBody {
  readonly passed: PassedKind;
  readonly kind: OwnedKind;
  /** The field of the JSON, or of the form, with the name or id. */
  readonly field: string;
  readonly form: 'json' | 'multipart';
}

/** Names and ids in paths. */
const KEY = /^[A-Za-z0-9_-]{1,80}$/;
const WORKER = /^[A-Za-z0-9_.-]{1,80}$/;
const AREAS: Readonly<Record<string, OwnedKind>> = {
  streams: 'stream',
  rooms: 'room',
  assets: 'asset',
  uploads: 'upload',
};
/** Requests of the API whose body names a stream. */
const NAMED: Readonly<Record<string, string>> = {
  '/api/v1/streams': 'name',
  '/api/v1/clips': 'stream',
  '/api/v1/exports': 'stream',
  '/api/v1/assets': 'stream',
};
const CHUNK = '/api/v1/upload/chunk';
/** Requests that make something. */
const MADE: Readonly<Record<string, OwnedKind>> = {
  'POST /api/v1/streams': 'stream',
  'POST /api/v1/rooms': 'room',
  'POST /api/v1/uploads': 'upload',
  'POST /api/v1/uploads/file': 'upload',
  'PUT /api/v1/uploads/file': 'upload',
  'POST /api/v1/upload/init': 'upload',
};

/**
 * The subject of a request outside of media.
 *
 * @param target origin form
 */
export function subjectOf(method: string, target: string): AboutRequest | AboutBody | undefined {
  const { path, query } = splitTarget(target);
  if (path.startsWith('/api/v1/')) return ofApi(method, path, query);
  const [, area = '', key = '', ...more] = path.split('/');
  if ((area === 'whip' || area === 'whep') && isStreamName(key)) return about('webrtc', { kind: 'stream', key });
  const isPage = method === 'GET' && (more.length === 0 || (more.length === 1 && more[0] === ''));
  // Their heads have a link preview.
  if (isPage && (area === 'watch' || area === 'embed') && isStreamName(key))
    return about('page', { kind: 'stream', key });
  if (isPage && area === 'c' && isClipId(key)) return about('page', { clip: key });
  return undefined;
}

function ofApi(method: string, path: string, query: string): AboutRequest | AboutBody | undefined {
  const [, , , area = '', segment = '', ...tail] = path.split('/');
  const key = decoded(segment);
  if (segment === '') {
    if (path === '/api/v1/clips' && method === 'GET') return ofQuery('stream', 'stream', query, 'api');
    const field = method === 'POST' && Object.hasOwn(NAMED, path) ? NAMED[path] : undefined;
    return field === undefined ? undefined : { passed: 'api', kind: 'stream', field, form: 'json' };
  }
  if (area === 'upload') {
    if (path === CHUNK)
      return (
        ofQuery('upload_id', 'upload', query, 'upload') ?? {
          passed: 'upload',
          kind: 'upload',
          field: 'upload_id',
          form: 'multipart',
        }
      );
    if (path === '/api/v1/upload/complete')
      return { passed: 'upload', kind: 'upload', field: 'upload_id', form: 'json' };
    return tail[0] === 'status' && KEY.test(key) ? about('upload', { kind: 'upload', key }) : undefined;
  }
  if (area === 'clips') return isClipId(key) ? about('api', { clip: key }) : undefined;
  if (area === 'workers') return WORKER.test(key) ? about('api', { worker: key }) : undefined;
  const kind = Object.hasOwn(AREAS, area) ? AREAS[area] : undefined;
  if (kind === undefined || !KEY.test(key)) return undefined;
  if (kind === 'upload') return key === 'file' ? undefined : about('upload', { kind, key });
  return about('api', { kind, key });
}

/**
 * The kind that a request creates: where this node may not own such things, another one must create it.
 *
 * @param target origin form
 */
export function madeBy(method: string, target: string): OwnedKind | undefined {
  const { path } = splitTarget(target);
  const route = `${method} ${path}`;
  if (Object.hasOwn(MADE, route)) return MADE[route];
  return method === 'PUT' && /^\/api\/v1\/streams\/[^/]+$/.test(path) ? 'stream' : undefined;
}

/** The subject of media. @param defaultStream the stream of addresses that name none */
export function subjectOfMedia(address: MediaAddress, defaultStream: () => string | undefined): Subject | undefined {
  const clip = clipOf(address);
  if (clip !== undefined) return isClipId(clip) ? { clip } : undefined;
  const asset = assetOf(address);
  if (asset !== undefined) return KEY.test(asset) ? { kind: 'asset', key: asset } : undefined;
  const key = address.stream ?? defaultStream();
  return key !== undefined && isStreamName(key) ? { kind: 'stream', key } : undefined;
}

/**
 * The subject that a body names.
 *
 * @param bytes its beginning, or all of it
 * @returns undefined if it is not (yet) there
 */
export function subjectIn({ kind, field, form }: AboutBody, bytes: Buffer): OwnedThing | undefined {
  const key = form === 'json' ? inJson(bytes, field) : inForm(bytes, field);
  return key !== undefined && KEY.test(key) ? { kind, key } : undefined;
}

function inJson(bytes: Buffer, field: string): string | undefined {
  try {
    const value = (JSON.parse(bytes.toString()) as Record<string, unknown> | null)?.[field];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined; // not complete, or the node itself refuses it
  }
}

function inForm(bytes: Buffer, field: string): string | undefined {
  const text = bytes.toString('latin1');
  const part = new RegExp(
    `\\r\\ncontent-disposition: *form-data; *name="?${field}"?\\r\\n(?:[^\\r\\n]+\\r\\n)*\\r\\n([^\\r\\n]{1,80})\\r\\n`,
    'i',
  );
  return part.exec(text)?.[1];
}

function ofQuery(name: string, kind: OwnedKind, query: string, passed: PassedKind): AboutRequest | undefined {
  const key = new URLSearchParams(query).get(name) ?? '';
  return KEY.test(key) ? about(passed, { kind, key }) : undefined;
}

function about(passed: PassedKind, subject: Subject): AboutRequest {
  return { passed, subject };
}

/** A segment as the router decodes it; '' if it is malformed. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}
