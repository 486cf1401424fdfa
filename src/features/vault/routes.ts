/**
 * Routes of the vault, for other servers with a target of the type `oxbow`: objects by their keys, whole or
 * in parts. In: requests with the header Oxbow-Vault. Out: objects, bytes.
 */
import type { Readable } from 'node:stream';
import { Type } from '../../api/type.ts';
import { MAX_VAULT_BODY } from '../../archive/objects/oxbow-client.ts';
import { OxbowError } from '../../lib/errors.ts';
import type { FeatureRoute } from '../feature.ts';
import { rowsFor } from '../feature.ts';
import type { Vault } from './vault.ts';

const OCTETS = 'application/octet-stream';
const Key = Type.String({ minLength: 1, maxLength: 1024, description: 'parts joined by `/`' });
const Count = Type.String({ pattern: '^\\d{1,15}$', description: 'bytes' });
const Sha256 = Type.Optional(
  Type.String({ pattern: '^[0-9a-f]{64}$', description: 'of the body; another body is refused' }),
);
const KeyQuery = Type.Object({ key: Key });
const UploadParams = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) });
const FileBody = Type.Unsafe<unknown>({ type: 'string', format: 'binary', description: 'bytes of the object' });
const VaultObject = Type.Object({ key: Type.String(), size: Type.Integer() }, { $id: 'VaultObject' });
const VaultHead = Type.Object(
  { size: Type.Integer(), etag: Type.String({ description: 'empty' }) },
  { $id: 'VaultHead' },
);

const row = rowsFor<Vault>();
const common = { tag: 'system', access: 'anyone', limit: 'uploads', isRoutine: true } as const;

function missing(): OxbowError {
  return new OxbowError('gone', 'The vault has no such object.');
}

/** The rows. */
export const vaultRoutes: readonly FeatureRoute<Vault>[] = [
  row({
    ...common,
    method: 'GET',
    path: '/api/v1/vault',
    sentence: 'Says that the vault can be used. Servers with a target of the type `oxbow` send the header Oxbow-Vault.',
    replies: { 204: undefined },
    async answer({ header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      await vault.check({ signal });
      return { status: 204 };
    },
  }),
  row({
    ...common,
    method: 'GET',
    path: '/api/v1/vault/objects',
    sentence: 'Lists a page of the objects of the vault in order of their keys.',
    query: Type.Object({
      prefix: Type.String({ maxLength: 1024 }),
      after: Type.String({ maxLength: 1024, description: 'last key of the page before' }),
    }),
    replies: { 200: Type.Object({ objects: Type.Array(VaultObject) }, { $id: 'VaultPage' }) },
    async answer({ query: { prefix, after }, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      return { body: { objects: await vault.list(prefix, after, { signal }) } };
    },
  }),
  row({
    ...common,
    method: 'GET',
    path: '/api/v1/vault/head',
    sentence: 'Returns size and entity tag of an object of the vault.',
    query: KeyQuery,
    replies: { 200: VaultHead },
    async answer({ query: { key }, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      const head = await vault.head(key, { signal });
      if (!head) throw missing();
      return { body: head };
    },
  }),
  row({
    ...common,
    method: 'GET',
    path: '/api/v1/vault/object',
    sentence: 'Sends a range of an object of the vault.',
    query: Type.Object({
      key: Key,
      offset: Count,
      length: Count,
    }),
    fileTypes: [OCTETS],
    replies: { 200: FileBody },
    async answer({ query: { key, offset, length }, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      const range = { offset: Number(offset), length: Number(length) };
      if (range.length > MAX_VAULT_BODY) {
        throw new OxbowError('bad-request', `\`length\` (${length}) is above ${MAX_VAULT_BODY} bytes.`);
      }
      const bytes = await vault.read(key, range, { signal });
      if (!bytes) throw missing();
      return { file: { contentType: OCTETS, cacheControl: 'no-store', length: bytes.length, body: [bytes] } };
    },
  }),
  row({
    ...common,
    method: 'PUT',
    path: '/api/v1/vault/object',
    sentence: 'Stores an object in the vault, or replaces it.',
    query: Type.Object({ key: Key, sha256: Sha256 }),
    bodyTypes: [OCTETS],
    replies: { 204: undefined },
    async answer({ query: { key, sha256 }, body, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      await vault.put(key, { body: body as unknown as Readable, sha256 }, { signal });
      return { status: 204 };
    },
  }),
  row({
    ...common,
    method: 'DELETE',
    path: '/api/v1/vault/object',
    sentence: 'Deletes an object of the vault.',
    query: KeyQuery,
    replies: { 204: undefined },
    async answer({ query: { key }, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      await vault.delete(key, { signal });
      return { status: 204 };
    },
  }),
  row({
    ...common,
    method: 'POST',
    path: '/api/v1/vault/uploads',
    sentence: 'Begins an object of several parts.',
    replies: { 201: Type.Object({ id: Type.String() }, { $id: 'VaultUpload' }) },
    async answer({ header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      return { status: 201, body: { id: await vault.begin({ signal }) } };
    },
  }),
  row({
    ...common,
    method: 'PUT',
    path: '/api/v1/vault/uploads/:id',
    sentence: 'Stores a part of an object. An upload that is not known is gone.',
    params: UploadParams,
    query: Type.Object({ offset: Count, sha256: Sha256 }),
    bodyTypes: [OCTETS],
    replies: { 204: undefined },
    async answer({ params: { id }, query: { offset, sha256 }, body, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      const part = { body: body as unknown as Readable, sha256 };
      if (!(await vault.writePart(id, Number(offset), part, { signal }))) throw missing();
      return { status: 204 };
    },
  }),
  row({
    ...common,
    method: 'POST',
    path: '/api/v1/vault/uploads/:id/complete',
    sentence: 'Makes an object of its parts. An upload that is not known, or has another size, is gone.',
    params: UploadParams,
    body: Type.Object({ key: Key, size: Type.Integer({ minimum: 0 }) }),
    replies: { 204: undefined },
    async answer({ params: { id }, body, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      if (!(await vault.complete(id, body, { signal }))) throw missing();
      return { status: 204 };
    },
  }),
  row({
    ...common,
    method: 'DELETE',
    path: '/api/v1/vault/uploads/:id',
    sentence: 'Discards an object that is not complete.',
    params: UploadParams,
    replies: { 204: undefined },
    async answer({ params: { id }, header, signal }, vault) {
      vault.admit(header('oxbow-vault'));
      await vault.abandon(id, { signal });
      return { status: 204 };
    },
  }),
];
