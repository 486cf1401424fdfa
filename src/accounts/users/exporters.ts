/**
 * Everything that is stored about a user, as one JSON document. Each part of oxbow adds its rows.
 * In: exporters. Out: the document of `GET /api/v1/me/export`.
 */

/** Reads the rows of a part about a user; a value that becomes JSON, without secrets. */
type ExportUser = (userId: string) => Promise<unknown>;

export class Exporters {
  readonly #parts = new Map<string, ExportUser>();

  /** @param name of the member in the document, e.g. `rooms` */
  add(name: string, read: ExportUser): void {
    this.#parts.set(name, read);
  }

  /** The document, one part after the other. */
  async export(userId: string): Promise<Readonly<Record<string, unknown>>> {
    const document: Record<string, unknown> = {};
    for (const [name, read] of this.#parts) document[name] = await read(userId);
    return document;
  }
}
