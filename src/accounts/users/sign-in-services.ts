/**
 * Other services that sign users in, as the routes of accounts show them. `accounts/identity` fills it; without it there are none.
 * In: the services of the settings, the identities of users. Out: names for views.
 */
import type { ProviderView, UserView } from '../../api/account/account-shapes.ts';

/** What shows the services. */
export class SignInServices {
  /** The services that can be used now. */
  providers: () => readonly ProviderView[] = () => [];
  /** The accounts of a user there. Reads memory. */
  identitiesOf: (userId: string) => UserView['identities'] = () => [];
}
