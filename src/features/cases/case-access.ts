/**
 * Access to cases and to the streams in them.
 * In: the caller, settings, streams as the database has them: another node may own them. Out: yes or no,
 * refusals. docs/decisions/0116.
 */
import { may } from '../../accounts/permissions.ts';
import type { Principal } from '../../accounts/principal.ts';
import type { Requester } from '../../api/deletions/deletions-api.ts';
import { printRfc3339 } from '../../api/instant.ts';
import { visiblePast } from '../../api/past/past-rules.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { PinnedRange } from '../../recording/pinned-windows.ts';
import type { Store } from '../../store/db.ts';
import { pastRulesInForce, type StreamDefinition } from '../../streams/definition.ts';
import { readDefinition } from '../../streams/stream-table.ts';
import type { CaseFile } from './case-table.ts';

/** The caller of the API of cases. */
export interface CaseCaller {
  readonly principal: Principal;
  /** For the audit log. */
  readonly by: Requester;
}

/** Dependencies of the checks. */
interface CaseAccessParts {
  readonly store: Pick<Store, 'db'>;
  readonly clock: Clock;
  readonly settings: Current<{ readonly cases: { readonly create: 'admins' | 'users' } }>;
}

/** Decides who sees which case, and which of its ranges. */
export class CaseAccess {
  readonly #parts: CaseAccessParts;

  constructor(parts: CaseAccessParts) {
    this.#parts = parts;
  }

  /** Whether someone may open cases. */
  mayOpen({ isAdmin, role }: { readonly isAdmin: boolean; readonly role: string | undefined }): boolean {
    return isAdmin || (role === 'user' && this.#parts.settings.now.cases.create === 'users');
  }

  /** @throws OxbowError `unauthorized`, `forbidden` unless the caller may open cases */
  assertOpens({ principal }: CaseCaller): void {
    if (this.mayOpen({ isAdmin: principal.isAdmin, role: principal.user?.role })) return;
    if (principal.owner === '') throw new OxbowError('unauthorized', 'Only people with an account open cases.');
    throw new OxbowError('forbidden', 'Only administrators open cases: the setting cases.create is `admins`.');
  }

  /** Whether the caller sees a case: administrators see all, others those that they have opened. */
  sees(file: Pick<CaseFile, 'owner'>, { principal }: CaseCaller): boolean {
    const { isAdmin, user, owner } = principal;
    return isAdmin || (owner === file.owner && this.mayOpen({ isAdmin, role: user?.role }));
  }

  /**
   * The stream of a name, a removed one too, if the caller may watch it.
   *
   * @throws OxbowError `stream-unknown`
   */
  async streamOf(name: string, caller: CaseCaller): Promise<StreamDefinition> {
    const { definition, isRemoved } = await readDefinition(this.#parts.store.db, name);
    const isOpen = definition && (!isRemoved || caller.principal.isAdmin);
    if (!isOpen || !may(caller.principal, 'watch', definition)) throw streamUnknown(name);
    return definition;
  }

  /**
   * Throws unless the caller may have a range of a stream as a file, by the rules of the broadcaster.
   *
   * @throws OxbowError `clips-off`, `not-started`, `past-limited`
   */
  assertShown(stream: StreamDefinition, { fromUs, toUs }: PinnedRange, { principal }: CaseCaller): void {
    const rules = pastRulesInForce(stream);
    if (!rules || principal.seesAll) return;
    const { name } = stream;
    if (rules.clips === false)
      throw new OxbowError('clips-off', `Viewers make no clips, exports and stills of ${name}.`);
    const visible = visiblePast(rules, this.#parts.clock.nowMs());
    if (!visible.isStarted) throw new OxbowError('not-started', `The stream ${name} has not started for viewers.`);
    if (fromUs >= visible.fromMs * 1000 && toUs <= visible.toMs * 1000) return;
    const [from, to] = [fromUs, toUs].map((us) => printRfc3339(us / 1000));
    throw new OxbowError('past-limited', `Viewers do not see all of ${name} between ${from} and ${to} now.`);
  }

  /** Whether the caller may watch a range now; not if another stream has the name of its stream. */
  async mayWatch(
    name: string,
    range: PinnedRange & { readonly streamId: string },
    caller: CaseCaller,
  ): Promise<boolean> {
    if (caller.principal.seesAll) return true;
    try {
      const stream = await this.streamOf(name, caller);
      if (stream.id !== range.streamId) return false;
      this.assertShown(stream, range, caller);
      return true;
    } catch (error) {
      if (error instanceof OxbowError) return false;
      throw error;
    }
  }
}
