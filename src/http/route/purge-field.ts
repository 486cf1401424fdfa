/**
 * The header field that names the purge of edges which a request has begun.
 * In: kinds and names. Out: header fields.
 */
import type { PurgedKind } from '../../api/deletions/edge-purge-shapes.ts';
import type { HttpDeps } from '../deps.ts';

/** The address of the purge. Empty if none was necessary. */
export async function purgeField(
  { edgePurges }: Pick<HttpDeps, 'edgePurges'>,
  kind: PurgedKind,
  name: string,
): Promise<Record<string, string>> {
  const begun = await edgePurges.begunFor(kind, name);
  return begun ? { 'oxbow-edge-purge': `/api/v1/edge-purges?${kind}=${encodeURIComponent(name)}` } : {};
}
