/**
 * The selected entries of a list, by their ids.
 * In: checkboxes. Out: Browsing and its list.
 */

/** A selection; empty at first. */
export class Selection {
  ids = $state.raw<ReadonlySet<string>>(new Set());

  /** Selects an entry, or no longer. */
  toggle(id: string): void {
    const ids = new Set(this.ids);
    if (!ids.delete(id)) ids.add(id);
    this.ids = ids;
  }

  /** Selects only these entries; none if all of them are selected. */
  toggleAll(ids: readonly string[]): void {
    this.ids = ids.every((id) => this.ids.has(id)) ? new Set() : new Set(ids);
  }

  clear(): void {
    this.ids = new Set();
  }
}
