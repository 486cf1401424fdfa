/**
 * Sign-in without a token on the computer where oxbow runs: which clients it is offered to, and the command
 * for all others.
 * In: settings, the client of a request. Out: yes or no, a command line. docs/9-run/access.md.
 */
import type { LimitedClient } from '../../accounts/rate-limit.ts';
import { type Exposure, isExposed } from '../../config/exposure.ts';
import { programName, quoted } from '../../lib/program.ts';
import { type ConnectionEnds, isOwnConnection } from './socket-owner.ts';

/** The policy of local sign-in. */
export interface LocalSignIn {
  /**
   * Whether a click on the page signs this browser in as administrator: only this computer can reach oxbow,
   * the request comes directly from a program on it, and that program belongs to the user who runs oxbow.
   */
  isOffered(client: Pick<LimitedClient, 'isLocal'>, ends: ConnectionEnds): Promise<boolean>;
  /**
   * The command that prints a sign-in link. Only clients on this computer get the path of the data folder.
   */
  command(client: Pick<LimitedClient, 'isLocal'>): string;
}

/** Options of `createLocalSignIn`. */
export interface LocalSignInOptions {
  readonly exposure: Exposure;
  /** `auto`: if the owner of the connection can be checked; `on`: also if not; `off`: never. */
  readonly mode: 'auto' | 'on' | 'off';
  /** Absolute path. */
  readonly dataFolder: string;
  /** See socket-owner.ts. */
  readonly isOwn?: (ends: ConnectionEnds) => Promise<boolean | undefined>;
  /** The command that runs oxbow on this computer; detected unless given. */
  readonly program?: string;
}

/** Creates the policy; its settings change only with a restart. */
export function createLocalSignIn(options: LocalSignInOptions): LocalSignIn {
  const { exposure, mode, dataFolder, isOwn = isOwnConnection, program = programName() } = options;
  const isForThisComputer = !isExposed(exposure);
  return {
    async isOffered({ isLocal }, ends) {
      if (mode === 'off' || !isForThisComputer || !isLocal) return false;
      return (await isOwn(ends)) ?? mode === 'on';
    },
    command: ({ isLocal }) =>
      isLocal ? `${program} token link --data ${quoted(dataFolder)}` : 'oxbow token link --data DATA_FOLDER',
  };
}
