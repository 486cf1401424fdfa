/**
 * The room that this page has created and opens next: its owner enters without another press, and what was
 * chosen starts to play.
 * In: create forms. Out: the page of the room.
 */

let expected = '';
let first: { readonly item: string; readonly positionMs: number | null } | null = null;

/** The next visit. */
export const visits = {
  /** The page of this room is opened next. */
  expect(room: string): void {
    expected = room;
  },
  /** Whether it was; true once. */
  isExpected(room: string): boolean {
    const isIt = expected === room;
    expected = '';
    return isIt;
  },
  /** The entry that starts to play. @param positionMs null: live, or at the start */
  begin(item: string, positionMs: number | null): void {
    first = { item, positionMs };
  },
  /** The entry to play, once. */
  takeFirst(): typeof first {
    const taken = first;
    first = null;
    return taken;
  },
};
