/**
 * Routes of cases: the cases themselves, their ranges, notes and exports.
 * In: requests below /api/v1/cases. Out: CaseView with its ETag, CaseExport, archives.
 */
import {
  CaseExport,
  CaseExportList,
  CaseList,
  CaseListQuery,
  CasePatch,
  CaseView,
  NewCase,
  NewCaseNote,
  NewCaseRange,
} from '../../api/cases/case-shapes.ts';
import { Type } from '../../api/type.ts';
import { readEnd, readInstant } from '../../http/route/instant-field.ts';
import { IdParams } from '../../http/route/page-query.ts';
import type { RouteAnswer, RouteCall } from '../../http/route/route.ts';
import { checkMatch } from '../../serve/exchange/conditions.ts';
import { rowsFor } from '../feature.ts';
import type { CaseCaller } from './case-access.ts';
import type { CaseCondition, ShownCase } from './cases-api.ts';
import type { ServedCases } from './served-cases.ts';

const Id = IdParams.properties.id;
const RangeParams = Type.Object({ id: Id, range: Id });
const NoteParams = Type.Object({ id: Id, note: Id });
const ExportParams = Type.Object({ id: Id, export: Id });
const FileBody = Type.Unsafe<unknown>({ type: 'string', format: 'binary', description: 'the ZIP file' });

function callerOf({ principal, client, traceId }: Pick<RouteCall, 'principal' | 'client' | 'traceId'>): CaseCaller {
  const userId = principal.owner.replace(/^user:/, '');
  return { principal, by: { userId, name: principal.name, address: client.address, traceId } };
}

function conditionOf({ header }: Pick<RouteCall, 'header'>): CaseCondition {
  return (revision) => checkMatch(header('if-match'), header('if-none-match'), revision);
}

function answerWith({ view, revision }: ShownCase, status = 200): RouteAnswer {
  return {
    status,
    headers: { etag: `"${revision}"`, ...(status === 201 && { location: `/api/v1/cases/${view.id}` }) },
    body: view,
  };
}

const defineRoute = rowsFor<ServedCases>();

const ofCases = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/cases',
    tag: 'cases',
    access: 'self',
    sentence: 'Lists cases, newest first: for administrators all, for others those that they have opened.',
    query: CaseListQuery,
    replies: { 200: CaseList },
    answer: async ({ query, ...call }, { cases }) => ({ body: await cases.list(query, callerOf(call)) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/cases',
    tag: 'cases',
    access: 'self',
    sentence: 'Opens a case, for administrators and, with `cases.create` `users`, everyone with an account.',
    body: NewCase,
    replies: { 201: CaseView },
    repeatable: true,
    answer: async ({ body, ...call }, { cases }) => answerWith(await cases.create(body, callerOf(call)), 201),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/cases/:id',
    tag: 'cases',
    access: 'self',
    sentence: 'Returns a case with its ranges and notes.',
    params: IdParams,
    replies: { 200: CaseView },
    answer: async ({ params: { id }, ...call }, { cases }) => answerWith(await cases.get(id, callerOf(call))),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/cases/:id',
    tag: 'cases',
    access: 'self',
    sentence: 'Changes title or description of a case.',
    params: IdParams,
    body: CasePatch,
    replies: { 200: CaseView },
    conditional: true,
    async answer({ params: { id }, body, ...call }, { cases }) {
      return answerWith(await cases.update(id, body, callerOf(call), conditionOf(call)));
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/cases/:id/close',
    tag: 'cases',
    access: 'self',
    sentence: 'Closes a case and lifts its legal holds: retention applies to its ranges again.',
    params: IdParams,
    replies: { 200: CaseView },
    conditional: true,
    async answer({ params: { id }, ...call }, { cases }) {
      return answerWith(await cases.close(id, callerOf(call), conditionOf(call)));
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/cases/:id/reopen',
    tag: 'cases',
    access: 'self',
    sentence: 'Opens a closed case again and holds what is left of its ranges.',
    params: IdParams,
    replies: { 200: CaseView },
    conditional: true,
    async answer({ params: { id }, ...call }, { cases }) {
      return answerWith(await cases.reopen(id, callerOf(call), conditionOf(call)));
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/cases/:id',
    tag: 'cases',
    access: 'self',
    sentence: 'Deletes a closed case with its notes and archives.',
    params: IdParams,
    replies: { 204: undefined },
    conditional: true,
    async answer({ params: { id }, ...call }, { cases, exports }) {
      await cases.remove(id, callerOf(call), conditionOf(call));
      await exports.removeAll(id);
      return { status: 204 };
    },
  }),
];

const ofContent = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/cases/:id/ranges',
    tag: 'cases',
    access: 'self',
    sentence:
      'Adds a range of a stream that the caller may watch, at most 24 hours long, and sets a legal hold on it. The answer is the case.',
    params: IdParams,
    body: NewCaseRange,
    replies: { 201: CaseView },
    repeatable: true,
    conditional: true,
    async answer({ params: { id }, body: { stream, from, to, title = '' }, ...call }, { cases }) {
      const fromMs = readInstant('from', from);
      const request = { stream, fromMs, toMs: readEnd('to', to, fromMs), title };
      return answerWith(await cases.addRange(id, request, callerOf(call), conditionOf(call)), 201);
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/cases/:id/ranges/:range',
    tag: 'cases',
    access: 'self',
    sentence: 'Removes a range from an open case and lifts its legal hold.',
    params: RangeParams,
    replies: { 204: undefined },
    conditional: true,
    async answer({ params: { id, range }, ...call }, { cases }) {
      await cases.removeRange(id, range, callerOf(call), conditionOf(call));
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/cases/:id/notes',
    tag: 'cases',
    access: 'self',
    sentence: 'Adds a note to an open case, or with `at` a marker. The answer is the case.',
    params: IdParams,
    body: NewCaseNote,
    replies: { 201: CaseView },
    repeatable: true,
    conditional: true,
    async answer({ params: { id }, body: { text, at, range }, ...call }, { cases }) {
      const atMs = at === undefined ? undefined : readInstant('at', at);
      return answerWith(await cases.addNote(id, { text, atMs, range }, callerOf(call), conditionOf(call)), 201);
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/cases/:id/notes/:note',
    tag: 'cases',
    access: 'self',
    sentence: 'Deletes a note or marker of an open case.',
    params: NoteParams,
    replies: { 204: undefined },
    conditional: true,
    async answer({ params: { id, note }, ...call }, { cases }) {
      await cases.removeNote(id, note, callerOf(call), conditionOf(call));
      return { status: 204 };
    },
  }),
];

const ofExports = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/cases/:id/exports',
    tag: 'cases',
    access: 'self',
    sentence: 'Lists the exports of a case, newest first, with their progress and archives.',
    params: IdParams,
    replies: { 200: CaseExportList },
    async answer({ params: { id }, ...call }, { cases, exports }) {
      await cases.find(id, callerOf(call));
      return { body: { items: await exports.list(id), nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/cases/:id/exports',
    tag: 'cases',
    access: 'self',
    sentence: 'Starts the export of a case to one archive. The caller must be permitted to watch all of its ranges.',
    params: IdParams,
    replies: { 202: CaseExport },
    repeatable: true,
    async answer({ params: { id }, ...call }, served) {
      const made = await served.export(id, callerOf(call));
      return { status: 202, headers: { location: `/api/v1/cases/${id}/exports` }, body: made };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/cases/:id/exports/:export',
    tag: 'cases',
    access: 'self',
    sentence: 'Cancels an export of a case, or deletes its archive.',
    params: ExportParams,
    replies: { 204: undefined },
    async answer({ params, ...call }, { cases, exports }) {
      await cases.find(params.id, callerOf(call));
      await exports.remove(params.id, params.export);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/cases/:id/exports/:export/file',
    tag: 'cases',
    access: 'self',
    sentence: 'Downloads the archive of an export, whole or by range. Each download is a line of the audit log.',
    params: ExportParams,
    replies: { 200: FileBody, 206: FileBody },
    fileTypes: ['application/zip'],
    async answer({ params, ...call }, served) {
      return { file: await served.download(params.id, params.export, callerOf(call), call.header('range')) };
    },
  }),
];

/** The rows. */
export const caseRoutes = [...ofCases, ...ofContent, ...ofExports];
