/**
 * The settings of sets of angles, a part of the table of all settings.
 * In: the types of settings. Out: the section `angles` for config/schema.ts.
 */
import { integer, section } from '../../config/option.ts';

export const anglesSection = section({
  perUser: integer('50', { min: 1, max: 10_000 }, 'Most sets of angles of one person; administrators may have more.', {
    reload: 'live',
  }),
  max: integer('1000', { min: 1, max: 100_000 }, 'Most sets of angles.', { reload: 'live' }),
});
