/**
 * Signing in with one press on the computer where oxbow runs: who may, and the command for everyone else.
 * In: settings, where a request comes from. Out: yes or no, a command line. docs/6-run/access.md.
 */
import { type Exposure, isExposed } from '../../config/exposure.ts';
import { programName } from '../../lib/program.ts';
import type { RequestClient } from './request-client.ts';
import { type ConnectionEnds, isOwnConnection } from './socket-owner.ts';

/** Decides about one press. */
export interface LocalSignIn {
  /**
   * Whether a press on the page signs this browser in as administrator: oxbow is there for this computer alone, the request comes
   * straight from a program on it, and that program belongs to the user who runs oxbow.
   */
  isOffered(client: Pick<RequestClient, 'isLocal'>, ends: ConnectionEnds): Promise<boolean>;
  /** The command that prints a sign-in link of this oxbow; visitors from elsewhere do not learn where anything lies. */
  command(client: Pick<RequestClient, 'isLocal'>): string;
}

/** What it is made of. */
export interface LocalSignInOptions {
  readonly exposure: Exposure;
  /** `auto`: where the owner of the connection can be checked; `on`: also where it cannot; `off`: never. */
  readonly mode: 'auto' | 'on' | 'off';
  /** Absolute. */
  readonly dataFolder: string;
  /** See socket-owner.ts. */
  readonly isOwn?: (ends: ConnectionEnds) => Promise<boolean | undefined>;
  /** What a person types to run oxbow on this computer; found out unless given. */
  readonly program?: string;
}

/** Makes the decision from settings that stay as they are until a restart. */
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

/** As a shell reads it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
