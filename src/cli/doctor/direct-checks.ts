/**
 * Checks that pages may request media of an object store that viewers are redirected to, by a CORS
 * preflight: it needs no object, and its signature is not verified.
 * In: the section `storage`. Out: a finding for each target with `direct`. Fetch standard, CORS protocol.
 */
import { throughCdn } from '../../archive/objects/direct-addresses.ts';
import { ObjectTargets } from '../../archive/objects/object-targets.ts';
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../../lib/errors.ts';
import { type Finding, ok, warning } from './finding.ts';

/** Longest wait for the answer, ms. */
const ASK_MS = 5_000;
/** Pages of other sites: their origin is not sent after a redirect. */
const ORIGIN = 'null';
const HINT = 'Add the CORS rules of docs/9-run/object-storage.md to the bucket.';

/** The findings; none without a target that is `direct`. */
export async function checkDirect(
  { storage }: Pick<Config, 'storage'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  await using targets = new ObjectTargets(storage.targets);
  const direct = targets.names.filter((name) => targets.find(name)!.direct === 'redirect');
  const findings: Finding[] = [];
  for (const name of direct) findings.push(await checkTarget(name, targets, signal));
  return findings;
}

async function checkTarget(target: string, targets: ObjectTargets, signal: AbortSignal): Promise<Finding> {
  const name = `pages and ${target}`;
  const { prefix, directUrl } = targets.find(target)!;
  try {
    const client = await targets.client(target);
    const signed = await client.presign(`${prefix}/any`, { expiresS: 60, contentType: 'video/mp4' });
    const url = new URL(throughCdn(signed, directUrl));
    const headers = {
      origin: ORIGIN,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'range',
    };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]);
    const answer = await fetch(url, { method: 'OPTIONS', headers, signal: limit });
    await answer.body?.cancel();
    const allowed = answer.headers.get('access-control-allow-origin');
    if (answer.ok && (allowed === '*' || allowed === ORIGIN)) return ok(name, `${url.origin} allows any page`);
    return warning(name, `${url.origin} does not allow pages of other sites (${answer.status})`, HINT);
  } catch (error) {
    signal.throwIfAborted();
    return warning(
      name,
      `the object store cannot be asked: ${messageOf(error)}`,
      'Check endpoint, key and `directUrl`.',
    );
  }
}
