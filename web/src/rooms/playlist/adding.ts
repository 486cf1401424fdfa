/**
 * What the forms that add to a playlist are given.
 * In: AddItems. Out: its forms.
 */
import type { ItemTarget } from '../../../../src/api/room/item-shapes.ts';

/** Properties of such a form. */
export interface AddingProps {
  /** Adds entries; returns whether that succeeded. */
  readonly add: (items: readonly { readonly name?: string; readonly target: ItemTarget }[]) => Promise<boolean>;
  readonly isBusy: boolean;
}
