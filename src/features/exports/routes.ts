/**
 * Exports over the API: a range of a recording as a file.
 * In: ExportSettings. Out: a job, later the file.
 */
import { ExportJob, ExportSettings, ExportTicket } from '../../api/jobs/job-shapes.ts';
import type { ExportsApi } from '../../api/jobs/jobs-api.ts';
import { Type } from '../../api/type.ts';
import type { Reply } from '../../delivery/reply.ts';
import { IdParams } from '../../http/route/page-query.ts';
import { rowsFor } from '../feature.ts';

const TicketParams = Type.Object({ ticket: Type.String({ maxLength: 100 }) });
const FileBody = Type.Unsafe<unknown>({ type: 'string', format: 'binary', description: 'the file' });

const defineRoute = rowsFor<ExportsApi<Reply>>();

/** The rows. */
export const exportRoutes = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/exports',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Starts the export of a range of a recording to one file. Location is the address of the job.',
    body: ExportSettings,
    replies: { 202: ExportJob },
    repeatable: true,
    async answer({ body }, exports) {
      const job = await exports.create(body);
      return { status: 202, headers: { location: `/api/v1/jobs/${job.id}` }, body: job };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/exports/:id/file',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Downloads the file of an export, whole or by range.',
    params: IdParams,
    replies: { 200: FileBody, 206: FileBody },
    answer: async ({ params: { id } }, exports) => ({ file: await exports.file(id) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/exports/:id/evidence',
    tag: 'jobs',
    access: 'admin',
    sentence:
      'Downloads the evidence of an export that has no place for it, such as MPEG-TS: a file to keep next to the other one.',
    params: IdParams,
    replies: { 200: FileBody, 206: FileBody },
    answer: async ({ params: { id } }, exports) => ({ file: await exports.evidence(id) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/exports/:id/tickets',
    tag: 'jobs',
    access: 'admin',
    sentence: 'Creates an address from which a browser can download the file without credentials, for 15 minutes.',
    params: IdParams,
    replies: { 201: ExportTicket },
    async answer({ params: { id } }, exports) {
      const ticket = await exports.ticket(id);
      return { status: 201, headers: { location: ticket.url }, body: ticket };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/downloads/:ticket',
    tag: 'jobs',
    access: 'anyone',
    sentence: 'Downloads the file of an export with a ticket, whole or by range.',
    params: TicketParams,
    replies: { 200: FileBody, 206: FileBody },
    answer: async ({ params: { ticket } }, exports) => ({ file: await exports.fileFor(ticket) }),
  }),
];
