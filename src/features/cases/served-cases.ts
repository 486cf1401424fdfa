/**
 * Cases and their exports, as routes call them: what concerns both.
 * In: callers. Out: exports and archives, for those who may watch every range; a line of the audit log for
 * each download.
 */
import type { AuditTrail } from '../../accounts/audit/audit-trail.ts';
import type { CaseExport } from '../../api/cases/case-shapes.ts';
import type { Reply } from '../../delivery/reply.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { CaseAccess, CaseCaller } from './case-access.ts';
import type { CaseExports, ExportedRange } from './case-exports.ts';
import type { Cases } from './cases-api.ts';

/** Dependencies of the routes. */
interface ServedCasesParts {
  readonly cases: Cases;
  readonly exports: CaseExports;
  readonly access: CaseAccess;
  readonly audit: Pick<AuditTrail, 'record'>;
}

/** What routes call. */
export class ServedCases {
  readonly cases: Cases;
  readonly exports: CaseExports;
  readonly #access: CaseAccess;
  readonly #audit: Pick<AuditTrail, 'record'>;

  constructor({ cases, exports, access, audit }: ServedCasesParts) {
    this.cases = cases;
    this.exports = exports;
    this.#access = access;
    this.#audit = audit;
  }

  /**
   * Queues an export.
   *
   * @throws OxbowError `case-unknown`, `case-empty`, `forbidden` if a range may not be watched
   */
  async export(id: string, caller: CaseCaller): Promise<CaseExport> {
    const found = await this.cases.find(id, caller);
    await this.#assertWatches(found.ranges, caller);
    return this.exports.create(id, found.ranges, caller.by);
  }

  /**
   * The archive of an export. Its start is a line of the audit log; further parts of the same download are
   * not.
   *
   * @param range header of the request
   * @throws OxbowError `case-unknown`, `job-unknown`, `job-unfinished`, `forbidden` if a range of the archive
   *   may not be watched
   */
  async download(id: string, job: string, caller: CaseCaller, range: string | undefined): Promise<Reply> {
    const found = await this.cases.find(id, caller);
    // The archive has the ranges of its export: the case may have others now.
    await this.#assertWatches(await this.exports.rangesOf(id, job), caller);
    const reply = await this.exports.file(id, job);
    if (range === undefined || /^bytes=0-/.test(range)) {
      const request = `case ${id} "${found.title}": SHA-256 ${reply.etag}`;
      this.#audit.record({ ...caller.by, action: 'downloadedCase', request, status: null });
    }
    return reply;
  }

  async #assertWatches(ranges: readonly ExportedRange[], caller: CaseCaller): Promise<void> {
    const closed: string[] = [];
    for (const range of ranges) {
      if (!(await this.#access.mayWatch(range.stream, range, caller))) closed.push(range.stream);
    }
    if (closed.length === 0) return;
    const names = [...new Set(closed)].join(', ').slice(0, 300);
    throw new OxbowError('forbidden', `You may not watch all ranges of the case: ${names}.`);
  }
}
