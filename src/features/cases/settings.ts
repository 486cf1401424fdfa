/**
 * The settings of cases, a part of the table of all settings.
 * In: the types of settings. Out: the section `cases` for config/schema.ts.
 */
import { choice, integer, section } from '../../config/option.ts';

export const casesSection = section({
  create: choice(
    ['admins', 'users'],
    'admins',
    'Who may open cases, which keep recordings from retention: administrators, or everyone with an account, each for streams that they may watch.',
    { reload: 'live' },
  ),
  perUser: integer('10', { min: 1, max: 10_000 }, 'Most open cases of one person; administrators may have more.', {
    reload: 'live',
  }),
  max: integer('10000', { min: 1, max: 1_000_000 }, 'Most cases, closed ones included.', { reload: 'live' }),
});
