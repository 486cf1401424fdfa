/**
 * The abilities of users in features, for the view of the caller.
 * In: features. Out: http/routes/accounts.
 */
import type { UserRef } from './users/user.ts';

/** By the names of `may` in MeView; the feature that has it sets it. */
export type Abilities = Map<'createRooms' | 'openCases', (user: UserRef) => boolean>;
