/**
 * Evidence over the API: the public keys, the blocks of a range, and a check of its stored media.
 * In: ranges. Out: the JSON of api/evidence.
 */
import { EvidenceBlocks, EvidenceCheck, EvidenceKeyList } from '../../api/evidence/evidence-shapes.ts';
import { Type } from '../../api/type.ts';
import { endForms, instantForms, readEnd, readInstant } from '../../http/route/instant-field.ts';
import { NameParams } from '../../http/routes/streams/streams.ts';
import { rowsFor } from '../feature.ts';
import type { EvidenceApi } from './evidence-api.ts';

const RangeQuery = Type.Object(
  {
    from: Type.String({ maxLength: 64, description: instantForms }),
    to: Type.String({ maxLength: 64, description: endForms }),
  },
  { additionalProperties: false },
);

function rangeOf({ from, to }: { readonly from: string; readonly to: string }) {
  const fromMs = readInstant('from', from);
  return { fromUs: Math.round(fromMs * 1000), toUs: Math.round(readEnd('to', to, fromMs) * 1000) };
}

const defineRoute = rowsFor<EvidenceApi>();

/** The rows. */
export const evidenceRoutes = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/evidence/keys',
    tag: 'timeline',
    access: 'anyone',
    sentence: 'Lists the public keys that sign the chains of evidence, oldest first, to compare with those of a file.',
    replies: { 200: EvidenceKeyList },
    answer: async (_call, evidence) => ({ body: { items: await evidence.keys(), nextCursor: null } }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/evidence',
    tag: 'timeline',
    access: 'admin',
    sentence: 'Returns the signed blocks of the chain of evidence for a range, with the public keys.',
    params: NameParams,
    query: RangeQuery,
    replies: { 200: EvidenceBlocks },
    answer: async ({ params: { name }, query }, evidence) => ({ body: await evidence.blocks(name, rangeOf(query)) }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/streams/:name/evidence/check',
    tag: 'timeline',
    access: 'admin',
    sentence:
      'Reads the stored media of a range and compares it with the chain of evidence. Takes about a second for each 100 MB.',
    params: NameParams,
    query: RangeQuery,
    replies: { 200: EvidenceCheck },
    answer: async ({ params: { name }, query, signal }, evidence) => ({
      body: await evidence.check(name, rangeOf(query), { signal }),
    }),
  }),
];
