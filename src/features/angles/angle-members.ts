/**
 * The streams and videos of sets of angles: which of them a caller may see, and what they are called now.
 * In: the caller, streams as this node or the database has them, assets. Out: members, refusals.
 * docs/decisions/0120.
 */
import { may } from '../../accounts/permissions.ts';
import type { Principal } from '../../accounts/principal.ts';
import type { NewAngleMember } from '../../api/angles/angle-shapes.ts';
import { streamUnknown } from '../../api/stream/stream-refusals.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { AssetRecord } from '../../library/asset-record.ts';
import { type Assets, unknownAsset } from '../../library/assets.ts';
import type { Store } from '../../store/db.ts';
import type { Catalog } from '../../streams/catalog.ts';
import type { StreamDefinition } from '../../streams/definition.ts';
import { readDefinition, readStreamName } from '../../streams/stream-table.ts';
import type { StoredAngle, StoredAngleSet } from './angle-table.ts';

/** Dependencies. */
export interface AngleMembersParts {
  readonly store: Pick<Store, 'db'>;
  readonly catalog: Pick<Catalog, 'definitionOf'>;
  readonly assets: Pick<Assets, 'find'>;
}

/** A member with what it is now. */
export type Angle =
  | { readonly member: StoredAngle; readonly stream: StreamDefinition; readonly asset?: undefined }
  | { readonly member: StoredAngle; readonly asset: AssetRecord; readonly stream?: undefined };

/** What a member is made from. */
export type FoundAngle =
  | { readonly stream: StreamDefinition; readonly asset?: undefined }
  | { readonly asset: AssetRecord; readonly stream?: undefined };

/** Finds members. */
export class AngleMembers {
  readonly #parts: AngleMembersParts;

  constructor(parts: AngleMembersParts) {
    this.#parts = parts;
  }

  /** Whether the caller may change a set. */
  mayChange({ owner }: Pick<StoredAngleSet, 'owner'>, principal: Principal): boolean {
    return may(principal, 'change', { owner });
  }

  /**
   * The members of a set that the caller may see. Its owner sees those that they may watch; everyone else
   * those that they find in lists, so that a set shows no unlisted stream to people without its address.
   */
  async seen(set: Pick<StoredAngleSet, 'owner' | 'members'>, principal: Principal): Promise<Angle[]> {
    const isOwn = this.mayChange(set, principal);
    const angles = await this.present(set.members);
    return angles.filter(({ stream, asset }) => {
      if (stream) return may(principal, isOwn ? 'watch' : 'list', { visibility: stream.visibility });
      const { owner, visibility } = asset;
      if (may(principal, 'inspect', { owner })) return true;
      return visibility === 'public' || (isOwn && visibility === 'unlisted');
    });
  }

  /** The members that exist, in their order. */
  async present(members: readonly StoredAngle[]): Promise<Angle[]> {
    const angles: Angle[] = [];
    for (const member of members) {
      if (member.kind === 'stream') {
        const stream = await this.#streamOf(member.of);
        if (stream) angles.push({ member, stream });
      } else {
        const asset = await this.#parts.assets.find(member.of);
        if (asset?.deletedMs === null) angles.push({ member, asset });
      }
    }
    return angles;
  }

  /**
   * The stream or video of a request, if the caller may watch it.
   *
   * @throws OxbowError `bad-request`, `stream-unknown`, `asset-unknown`
   */
  async find({ stream: name, asset: id }: NewAngleMember, principal: Principal): Promise<FoundAngle> {
    if ((name === undefined) === (id === undefined))
      throw new OxbowError('bad-request', 'A member of `members` needs either `stream` or `asset`.');
    if (name !== undefined) {
      const { definition, isRemoved } = await readDefinition(this.#parts.store.db, name);
      if (!definition || isRemoved || !may(principal, 'watch', { visibility: definition.visibility }))
        throw streamUnknown(name);
      return { stream: definition };
    }
    const asset = await this.#parts.assets.find(id!);
    const isOpen = asset && asset.deletedMs === null && may(principal, 'seeAsset', asset);
    if (!isOpen) throw unknownAsset(id!);
    return { asset };
  }

  async #streamOf(id: string): Promise<StreamDefinition | undefined> {
    const { catalog, store } = this.#parts;
    const here = catalog.definitionOf(id);
    if (here) return here;
    const name = await readStreamName(store.db, id);
    if (name === undefined) return undefined;
    const { definition, isRemoved } = await readDefinition(store.db, name);
    return isRemoved || definition?.id !== id ? undefined : definition;
  }
}

/** Name of a member for people and files. */
export function titleOf({ stream, asset }: FoundAngle): string {
  return stream ? stream.title || stream.name : asset.title;
}
