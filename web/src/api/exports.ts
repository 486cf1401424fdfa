/**
 * Exports: what is asked of the server to make a file, and to have it.
 * In: the browser's session. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type { ExportSettings, ExportTicket, JobView } from '../../../src/api/job-shapes.ts';
import { askServer } from './client.ts';

/** Asks for a file. */
export function createExport(settings: ExportSettings, signal: AbortSignal): Promise<JobView> {
  return askServer(signal, (client, options) => client.createExport({ body: settings }, options));
}

/** The newest jobs of the server, newest first. */
export async function getJobs(signal: AbortSignal): Promise<readonly JobView[]> {
  return (await askServer(signal, (client, options) => client.listJobs({}, options))).items;
}

/** Ends a job; of one that is done, deletes the file. */
export function cancelJob(id: string, signal: AbortSignal): Promise<JobView> {
  return askServer(signal, (client, options) => client.deleteJob({ id }, options));
}

/** An address of the file that the browser can fetch as it fetches any link, for a while. */
export function getTicket(id: string, signal: AbortSignal): Promise<ExportTicket> {
  return askServer(signal, (client, options) => client.createExportTicket({ id }, options));
}
