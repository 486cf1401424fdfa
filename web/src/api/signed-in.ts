/**
 * Whether this browser is signed in, as far as the server's answers have told.
 * In: answers. Out: whoever listens.
 */

/** Stands for the session's cookie where a token is asked for; no header can hold it. */
export const BY_SESSION = '\0';

let listener: (isAdmin: boolean) => void = () => {};

/** Hears from now on whether somebody is signed in. */
export function onSignIn(hear: (isAdmin: boolean) => void): void {
  listener = hear;
}

/** Tells that somebody is signed in, or nobody any more. */
export function tellSignIn(isAdmin: boolean): void {
  listener(isAdmin);
}
