/**
 * The audit log in the metadata store. Times are whole µs there, ms here.
 * In: lines. Out: rows of the table `audit`.
 */
import type { Kysely } from 'kysely';
import type { Tables } from '../../store/schema.ts';
import { type AuditRows, targetPath } from './audit-trail.ts';

/** Methods of requests that change something. */
const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE'];

/** The lines of a store. */
export function auditRows(db: Kysely<Tables>): AuditRows {
  return {
    async add(lines) {
      const rows = lines.map(({ atMs, userId, name, address, action, request, status, traceId }) => ({
        at_us: Math.round(atMs * 1000),
        user_id: userId,
        name,
        address,
        action,
        request,
        status,
        trace_id: traceId,
      }));
      await db.insertInto('audit').values(rows).execute();
    },
    async page({ before, userId, action, target, fromMs, toMs, limit }) {
      let query = db.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(limit);
      if (before !== undefined) query = query.where('seq', '<', before);
      if (userId !== undefined) query = query.where('user_id', '=', userId);
      if (action !== undefined) query = query.where('action', '=', action);
      if (fromMs !== undefined) query = query.where('at_us', '>=', Math.round(fromMs * 1000));
      if (toMs !== undefined) query = query.where('at_us', '<', Math.round(toMs * 1000));
      if (target !== undefined) {
        const path = targetPath(target);
        // A path below it is between `/` and the next character.
        query = query.where((eb) =>
          eb.or(
            METHODS.map((method) => `${method} ${path}`).flatMap((each) => [
              eb('request', '=', each),
              eb.and([eb('request', '>', `${each}/`), eb('request', '<', `${each}0`)]),
            ]),
          ),
        );
      }
      return (await query.execute()).map((row) => ({
        seq: row.seq,
        atMs: row.at_us / 1000,
        userId: row.user_id,
        name: row.name,
        address: row.address,
        action: row.action,
        request: row.request,
        status: row.status,
        traceId: row.trace_id,
      }));
    },
    async removeBefore(atMs) {
      await db
        .deleteFrom('audit')
        .where('at_us', '<', Math.round(atMs * 1000))
        .execute();
    },
    async forget(userId) {
      await db.updateTable('audit').set({ name: '', address: '' }).where('user_id', '=', userId).execute();
    },
  };
}
