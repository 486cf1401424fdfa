/**
 * By which right this page changes the server: the session that the browser is signed in with, or the admin token that a person has just
 * typed, which becomes a session with the first request. It is kept nowhere.
 * In: the token's field, answers. Out: requests of every page that changes something.
 */
import { BY_SESSION, onSignIn } from '../api/signed-in.ts';

class AdminToken {
  #typed = $state('');
  #isSignedIn = $state(false);

  constructor() {
    onSignIn((isAdmin) => {
      this.#isSignedIn = isAdmin;
      this.#typed = '';
    });
  }

  /** The browser is signed in as administrator. */
  get isSignedIn(): boolean {
    return this.#isSignedIn;
  }

  /** What requests are made with; empty where nobody is signed in and nothing was typed. */
  get value(): string {
    return this.#typed !== '' ? this.#typed : this.#isSignedIn ? BY_SESSION : '';
  }

  /** What stands in the field. */
  get typed(): string {
    return this.#typed;
  }

  set typed(typed: string) {
    this.#typed = typed;
  }
}

/** The right; reading it in a component follows it. */
export const adminToken = new AdminToken();
