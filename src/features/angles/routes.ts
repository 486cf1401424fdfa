/**
 * Routes of sets of angles: the sets themselves, measurements, clips and exports.
 * In: requests below /api/v1/angle-sets. Out: AngleSet with its ETag, AngleMeasurement, clips, archives.
 */
import {
  ANGLE_LIMITS,
  AngleClips,
  AngleExport,
  AngleExportList,
  AngleMeasurement,
  AngleSet,
  AngleSetList,
  AngleSetPatch,
  NewAngleClips,
  NewAngleExport,
  NewAngleMeasurement,
  NewAngleSet,
} from '../../api/angles/angle-shapes.ts';
import type { ClipView } from '../../api/clips/clip-shapes.ts';
import type { ClipRequest, ClipsApi } from '../../api/clips/clips-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { Type } from '../../api/type.ts';
import type { HttpDeps } from '../../http/deps.ts';
import { readEnd, readInstant } from '../../http/route/instant-field.ts';
import { IdParams } from '../../http/route/page-query.ts';
import type { RouteAnswer, RouteCall } from '../../http/route/route.ts';
import { createClip } from '../../http/routes/streams/create-clip.ts';
import type { Clock } from '../../lib/clock.ts';
import { OxbowError } from '../../lib/errors.ts';
import { checkMatch } from '../../serve/exchange/conditions.ts';
import { rowsFor } from '../feature.ts';
import { type AngleExports, rangeOf } from './angle-exports.ts';
import type { AngleMeasurements } from './angle-measurements.ts';
import { type Angle, titleOf } from './angle-members.ts';
import type { StoredAngleSet } from './angle-table.ts';
import type { AngleCondition, Angles, ShownAngleSet } from './angles-api.ts';

/** What routes call. */
export interface ServedAngles {
  readonly angles: Angles;
  readonly measurements: AngleMeasurements;
  readonly exports: AngleExports;
  readonly createClip: ClipsApi['create'];
  readonly clock: Clock;
}

const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$', description: 'at most 100; default: 50' })),
    cursor: Type.Optional(Type.String({ maxLength: 80, description: '`nextCursor` of the answer before this one' })),
  },
  { additionalProperties: false },
);
const ExportParams = Type.Object({ id: IdParams.properties.id, export: IdParams.properties.id });
const FileBody = Type.Unsafe<unknown>({ type: 'string', format: 'binary', description: 'the ZIP file' });
/** The newest media may not be recorded yet, ms. */
const BEHIND_MS = 10_000;

function conditionOf({ header }: Pick<RouteCall, 'header'>): AngleCondition {
  return (revision) => checkMatch(header('if-match'), header('if-none-match'), revision);
}

function answerWith({ view, revision }: ShownAngleSet, status = 200): RouteAnswer {
  const location = status === 201 && { location: `/api/v1/angle-sets/${view.id}` };
  return { status, headers: { etag: `"${revision}"`, ...location }, body: view };
}

/** Where a set is measured by default: where it opens, or the newest sound that all have with the search. */
function placeOf({ atUs }: StoredAngleSet, angles: readonly Angle[], withinMs: number, nowMs: number): number {
  if (atUs !== undefined) return atUs / 1000;
  const offsets = angles.flatMap(({ member, stream }) => (stream ? member.offsetMs : []));
  return nowMs - BEHIND_MS - ANGLE_LIMITS.soundMs - withinMs + Math.min(0, ...offsets);
}

/** @throws OxbowError `bad-time` */
function readSpan(from: string, to: string, mostMs: number): { readonly fromMs: number; readonly toMs: number } {
  const fromMs = readInstant('from', from);
  const toMs = readEnd('to', to, fromMs);
  if (fromMs >= toMs) throw new OxbowError('bad-time', '`from` must be before `to`.');
  if (toMs - fromMs > mostMs)
    throw new OxbowError('window-too-long', `\`to\` is more than ${mostMs / 60_000} minutes after \`from\`.`);
  return { fromMs, toMs };
}

/** The least open stream is 0. */
function opennessOf({ stream }: Angle): number {
  return ['private', 'signed', 'unlisted', 'public'].indexOf(stream?.visibility ?? 'public');
}

/** A clip, made by the node that owns the stream. */
async function makeClip(
  request: ClipRequest,
  call: Omit<RouteCall, 'body'>,
  own: ServedAngles,
  deps: HttpDeps,
): Promise<ClipView> {
  const { stream, fromMs, toMs, title, visibility, confirm } = request;
  const body = { stream, from: printRfc3339(fromMs), to: printRfc3339(toMs), title, visibility, confirm };
  const made = (await call.createAtOwner(stream, '/api/v1/clips', body)) as ClipView | undefined;
  return made ?? createClip(request, call, deps, (checked) => own.createClip(checked, call.principal));
}

/** One clip per member, of the same moment. */
async function createClips(
  { name }: StoredAngleSet,
  angles: readonly Angle[],
  { body, ...call }: RouteCall<unknown, unknown, NewAngleClips>,
  own: ServedAngles,
  deps: HttpDeps,
): Promise<AngleClips> {
  const { fromMs, toMs } = readSpan(body.from, body.to, ANGLE_LIMITS.exportMs);
  const { title, visibility, confirm = false } = body;
  const made: AngleClips = { clips: [], missing: [] };
  for (const angle of angles.toSorted((a, b) => opennessOf(a) - opennessOf(b))) {
    const { member, stream } = angle;
    try {
      if (!stream) throw new OxbowError('angle-not-recorded', `${titleOf(angle)} is a video, which has no clips.`);
      const range = rangeOf(angle, fromMs, toMs);
      const times = { fromMs: Math.round(range.fromUs / 1000), toMs: Math.round(range.toUs / 1000) };
      const request = { stream: stream.name, ...times, title: title ?? name, visibility, confirm };
      made.clips.push({ member: member.id, clip: await makeClip(request, call, own, deps) });
    } catch (error) {
      if (!(error instanceof OxbowError)) throw error;
      // Thrown before any clip is made, as the least open streams come first.
      if (error.code === 'clip-more-open') throw error;
      made.missing.push({ member: member.id, code: error.code, detail: error.message });
    }
  }
  return made;
}

const defineRoute = rowsFor<ServedAngles>();

const ofSets = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/angle-sets',
    tag: 'angles',
    access: 'viewer',
    sentence:
      'Lists sets of angles, newest first: those of which the caller finds two members, and their own. A page may have fewer than `limit`.',
    query: ListQuery,
    replies: { 200: AngleSetList },
    answer: async ({ query, principal }, { angles }) => ({ body: await angles.list(query, principal) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/angle-sets',
    tag: 'angles',
    access: 'self',
    sentence: 'Creates a set of angles from streams and videos that the caller may watch.',
    body: NewAngleSet,
    replies: { 201: AngleSet },
    repeatable: true,
    async answer({ body: { name, at, members }, principal }, { angles }) {
      const atMs = at === undefined ? undefined : readInstant('at', at);
      return answerWith(await angles.create({ name, atMs, members }, principal), 201);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/angle-sets/:id',
    tag: 'angles',
    access: 'viewer',
    sentence: 'Returns a set of angles with the members that the caller may see.',
    params: IdParams,
    replies: { 200: AngleSet },
    answer: async ({ params: { id }, principal }, { angles }) => answerWith(await angles.get(id, principal)),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/angle-sets/:id',
    tag: 'angles',
    access: 'self',
    sentence: 'Changes name, offsets or where it opens, for the owner of the set and administrators.',
    params: IdParams,
    body: AngleSetPatch,
    replies: { 200: AngleSet },
    conditional: true,
    async answer({ params: { id }, body: { name, at, offsets }, principal, ...call }, { angles }) {
      const atMs = typeof at === 'string' ? readInstant('at', at) : at;
      return answerWith(await angles.update(id, { name, atMs, offsets }, principal, conditionOf(call)));
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/angle-sets/:id',
    tag: 'angles',
    access: 'self',
    sentence: 'Deletes a set of angles with its archives; its streams and videos stay.',
    params: IdParams,
    replies: { 204: undefined },
    conditional: true,
    async answer({ params: { id }, principal, ...call }, { angles }) {
      await angles.remove(id, principal, conditionOf(call));
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/angle-sets/:id/measurements',
    tag: 'angles',
    access: 'self',
    sentence:
      'Starts to compare the sound of the members; the set then has the offsets that were found. `measurement` of the set has the progress.',
    params: IdParams,
    body: NewAngleMeasurement,
    replies: { 202: AngleMeasurement },
    repeatable: true,
    async answer({ params: { id }, body: { at, withinMs = ANGLE_LIMITS.withinMs }, principal }, served) {
      const { set, angles } = await served.angles.findOwn(id, principal);
      const nowMs = served.clock.nowMs();
      const atMs = at === undefined ? placeOf(set, angles, withinMs, nowMs) : readInstant('at', at);
      const members = angles.map(({ member }) => member.id);
      const body = await served.measurements.create({ set: id, members, atMs, withinMs });
      return { status: 202, headers: { location: `/api/v1/angle-sets/${id}` }, body };
    },
  }),
];

const ofContent = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/angle-sets/:id/clips',
    tag: 'angles',
    access: 'uploader',
    sentence: 'Creates a clip of each stream of a set, all of the same moment. Members without media are in `missing`.',
    params: IdParams,
    body: NewAngleClips,
    replies: { 201: AngleClips },
    repeatable: true,
    async answer(call, own, deps) {
      const { set, angles } = await own.angles.find(call.params.id, call.principal);
      return { status: 201, body: await createClips(set, angles, call, own, deps) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/angle-sets/:id/exports',
    tag: 'angles',
    access: 'admin',
    sentence: 'Lists the exports of a set of angles, newest first.',
    params: IdParams,
    replies: { 200: AngleExportList },
    async answer({ params: { id }, principal }, { angles, exports }) {
      await angles.find(id, principal);
      return { body: { items: await exports.list(id), nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/angle-sets/:id/exports',
    tag: 'angles',
    access: 'admin',
    sentence: 'Starts the export of a moment of a set, of at most an hour: one ZIP file with a file of each stream.',
    params: IdParams,
    body: NewAngleExport,
    replies: { 202: AngleExport },
    repeatable: true,
    async answer({ params: { id }, body: { from, to, exact = false }, principal }, own) {
      const { angles } = await own.angles.find(id, principal);
      const made = await own.exports.create(id, angles, { ...readSpan(from, to, ANGLE_LIMITS.exportMs), exact });
      return { status: 202, headers: { location: `/api/v1/angle-sets/${id}/exports` }, body: made };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/angle-sets/:id/exports/:export',
    tag: 'angles',
    access: 'admin',
    sentence: 'Cancels an export of a set of angles, or deletes its archive.',
    params: ExportParams,
    replies: { 204: undefined },
    async answer({ params, principal }, { angles, exports }) {
      await angles.find(params.id, principal);
      await exports.remove(params.id, params.export);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/angle-sets/:id/exports/:export/file',
    tag: 'angles',
    access: 'admin',
    sentence: 'Downloads the archive of an export, whole or by range.',
    params: ExportParams,
    replies: { 200: FileBody, 206: FileBody },
    fileTypes: ['application/zip'],
    async answer({ params, principal }, { angles, exports }) {
      await angles.find(params.id, principal);
      return { file: await exports.file(params.id, params.export) };
    },
  }),
];

/** The rows. */
export const angleRoutes = [...ofSets, ...ofContent];
