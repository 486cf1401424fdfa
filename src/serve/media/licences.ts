/**
 * Takes requests for ClearKey licences: the key ids of the body become those of the query, and the media
 * router answers. They need what playback needs.
 * In: POST /live/{stream}/keys/clearkey and /assets/{id}/keys/clearkey, JSON. Out: a target with a query.
 * Encrypted Media Extensions 9.1.3.
 */
import type { MediaTarget } from '../../api/media-address.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { Exchange, HeadFields } from '../exchange/exchange.ts';

const MAX_BODY_BYTES = 16 * 1024;
const MAX_KIDS = 64;
const METHODS = 'GET, HEAD, POST, OPTIONS';

/** Whether an address is one of licences. */
export function isLicence({ address }: MediaTarget): boolean {
  return address.kind === 'licence' || address.kind === 'asset-licence';
}

/** Answers a preflight request: JSON in a body needs one. */
export function answerLicencePreflight(exchange: Exchange, fields: HeadFields): void {
  exchange.head(204, {
    ...fields,
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': 'Authorization, Content-Type',
    'access-control-max-age': '86400',
    allow: METHODS,
  });
  exchange.body.end();
}

/**
 * The target of a POST with the key ids of its body in the query, `kid=…` each.
 *
 * @throws OxbowError `bad-request` if the body is no licence request, `payload-too-large`
 */
export async function readLicenceRequest(exchange: Exchange, target: MediaTarget): Promise<MediaTarget> {
  const kids = kidsIn(await exchange.text(MAX_BODY_BYTES));
  if (!kids) {
    throw new OxbowError('bad-request', `The body is no ClearKey licence request with \`kids\`, 1 to ${MAX_KIDS}.`);
  }
  const query = new URLSearchParams(target.query);
  for (const kid of kids) query.append('kid', kid);
  return { ...target, query: query.toString() };
}

function kidsIn(body: string): readonly string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const kids = typeof value === 'object' && value !== null && 'kids' in value ? value.kids : undefined;
  if (!Array.isArray(kids) || kids.length === 0 || kids.length > MAX_KIDS) return undefined;
  return kids.every((kid) => typeof kid === 'string' && kid.length <= 64) ? kids : undefined;
}
