/**
 * The OpenAPI document of the server.
 * In: nothing. Out: the members of the OpenAPI 3.1 document that the API page uses.
 */
import { ApiError, readFailure } from './client.ts';
import { onServer } from './server.ts';

export const DOCUMENT_PATH = '/api/v1/openapi.json';

/** A JSON Schema, with the keywords that the API uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
}

/** Bodies by their media type. */
type Content = Readonly<Record<string, { readonly schema: Schema }>>;

export interface DocumentedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestBody?: { readonly content: Content };
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}

export interface ApiDocument {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
  readonly webhooks?: Readonly<
    Record<string, { readonly post: { readonly summary: string; readonly requestBody: { readonly content: Content } } }>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Requests it. Throws ApiError; aborts with `signal`. */
export async function getDocument(signal: AbortSignal): Promise<ApiDocument> {
  let response: Response;
  try {
    response = await fetch(onServer(DOCUMENT_PATH), { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new ApiError(readFailure(0, ''), { cause: error });
  }
  try {
    const document = (await response.json()) as Partial<ApiDocument> | null;
    if (response.ok && document?.paths && document.components?.schemas) return document as ApiDocument;
  } catch {
    signal.throwIfAborted(); // a response that is not JSON is handled below
  }
  throw new ApiError(readFailure(response.status, ''));
}
