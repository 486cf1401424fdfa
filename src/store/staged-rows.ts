/**
 * Conditions on the rows of unfinished objects. docs/decisions/0100.
 * In: nothing. Out: expressions for queries.
 */
import { type RawBuilder, sql } from 'kysely';

/** No upload makes the object of a row of `staged_upload`. */
export const hasNoUpload: RawBuilder<boolean> = sql<boolean>`not exists (select 1 from upload
  where 'assets/' || upload.asset_id || '/original' = staged_upload.location)`;
