/**
 * API calls for cases.
 * In: the browser's session. Out: the shapes of src/api. Each call throws ApiError and aborts with `signal`.
 */
import type {
  CaseExport,
  CaseList,
  CaseView,
  NewCase,
  NewCaseNote,
  NewCaseRange,
} from '../../../src/api/cases/case-shapes.ts';
import { askServer } from './client.ts';

export type { CaseExport, CaseView };

/** A page of the cases that the viewer may see, newest first. */
export function listCases(
  query: { readonly state?: 'open'; readonly cursor?: string },
  signal: AbortSignal,
): Promise<CaseList> {
  return askServer(signal, (client, options) => client.listCases(query, options));
}

/** Opens a case. */
export function createCase(body: NewCase, signal: AbortSignal): Promise<CaseView> {
  return askServer(signal, (client, options) => client.createCase({ body }, options));
}

/** A case with its ranges and notes. */
export function getCase(id: string, signal: AbortSignal): Promise<CaseView> {
  return askServer(signal, (client, options) => client.getCase({ id }, options));
}

/** Changes title and description. */
export function updateCase(id: string, body: NewCase, signal: AbortSignal): Promise<CaseView> {
  return askServer(signal, (client, options) => client.updateCase({ id, body }, options));
}

/** Closes a case, or opens it again. */
export function setCaseState(id: string, state: CaseView['state'], signal: AbortSignal): Promise<CaseView> {
  return askServer(signal, (client, options) =>
    state === 'closed' ? client.closeCase({ id }, options) : client.reopenCase({ id }, options),
  );
}

/** Deletes a closed case. */
export function deleteCase(id: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteCase({ id }, options));
}

/** Adds a range, which is held from then on. */
export function addCaseRange(id: string, body: NewCaseRange, signal: AbortSignal): Promise<CaseView> {
  return askServer(signal, (client, options) => client.createCaseRange({ id, body }, options), body.stream);
}

/** Removes a range; its hold is lifted. */
export function removeCaseRange(id: string, range: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteCaseRange({ id, range }, options));
}

/** Adds a note or a marker. */
export function addCaseNote(id: string, body: NewCaseNote, signal: AbortSignal): Promise<CaseView> {
  return askServer(signal, (client, options) => client.createCaseNote({ id, body }, options));
}

/** Deletes a note or a marker. */
export function removeCaseNote(id: string, note: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteCaseNote({ id, note }, options));
}

/** The exports of a case, newest first. */
export async function listCaseExports(id: string, signal: AbortSignal): Promise<readonly CaseExport[]> {
  return (await askServer(signal, (client, options) => client.listCaseExports({ id }, options))).items;
}

/** Starts an export. */
export function exportCase(id: string, signal: AbortSignal): Promise<CaseExport> {
  return askServer(signal, (client, options) => client.createCaseExport({ id }, options));
}

/** Cancels an export, or deletes its archive. */
export function removeCaseExport(id: string, job: string, signal: AbortSignal): Promise<void> {
  return askServer(signal, (client, options) => client.deleteCaseExport({ id, export: job }, options));
}
