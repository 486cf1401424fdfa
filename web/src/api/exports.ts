/**
 * API calls for exports.
 * In: the browser's session. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type { ExportSettings, ExportTicket, JobView } from '../../../src/api/jobs/job-shapes.ts';
import { askServer } from './client.ts';

export function createExport(settings: ExportSettings, signal: AbortSignal): Promise<JobView> {
  return askServer(signal, (client, options) => client.createExport({ body: settings }, options));
}

/** The newest jobs of the server, newest first. */
export async function getJobs(signal: AbortSignal): Promise<readonly JobView[]> {
  return (await askServer(signal, (client, options) => client.listJobs({}, options))).items;
}

/** Cancels a job; deletes the file of a finished one. */
export function cancelJob(id: string, signal: AbortSignal): Promise<JobView> {
  return askServer(signal, (client, options) => client.deleteJob({ id }, options));
}

/** A temporary address of the file, which the browser can download. */
export function getTicket(id: string, signal: AbortSignal): Promise<ExportTicket> {
  return askServer(signal, (client, options) => client.createExportTicket({ id }, options));
}
