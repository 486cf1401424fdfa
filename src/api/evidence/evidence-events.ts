/**
 * Events of evidence, a part of the table of all events.
 * In: nothing. Out: rows for events.ts.
 */
import { Type } from '../type.ts';

/** The rows. */
export const evidenceEvents = {
  'evidence.anchored': {
    audience: 'admin',
    sentence: 'The new blocks of the chains of evidence have this root. Keep it: it shows that they existed now.',
    data: Type.Object({
      at: Type.Integer({ description: 'µs since 1970' }),
      root: Type.String({ description: 'of the hash tree, base64url' }),
      key: Type.String({ description: 'id of the key that signs the root' }),
      signature: Type.String({ description: 'over the root, base64url' }),
      blocks: Type.Integer(),
    }),
  },
} as const;
