/**
 * The settings of the chain of evidence.
 * In: the types of settings. Out: the section `evidence` for config/schema.ts.
 */
import { duration, flag, optionalUrl, section, text, type Values } from '../../config/option.ts';

export const evidenceSection = section({
  enabled: flag(
    true,
    'Whether each recorded segment is hashed into a signed chain, so that an exported file can be shown to be complete and unchanged.',
  ),
  every: duration('1m', 'How often the chain of each stream is signed, and its new blocks are anchored outside.', {
    min: '5s',
    reload: 'live',
  }),
  anchorTarget: text(
    '',
    'Object store of `storage.targets` that gets an object with the roots of the chains, `evidence/DATE/TIME.json`.',
  ),
  witnessUrl: optionalUrl(
    'Address that gets the roots of the chains by POST, as JSON: another server that keeps them.',
  ),
  timestampUrl: optionalUrl('Timestamp authority (RFC 3161) that signs the roots of the chains.'),
});

/** The values of the section. */
export type EvidenceConfig = Values<typeof evidenceSection>;
