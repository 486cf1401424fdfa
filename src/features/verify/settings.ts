/**
 * The settings of the verification of stored files.
 * In: the types of settings. Out: rows for the section `record` of config/schema.ts.
 */
import { duration, size } from '../../config/option.ts';

/** The rows. */
export const verifySettings = {
  verifyEvery: duration('30d', 'How often all stored files are read and compared with their checksums; `0s`: never.', {
    reload: 'live',
  }),
  verifyRate: size('20M', 'Most bytes that this reads in a second.', { reload: 'live' }),
};
