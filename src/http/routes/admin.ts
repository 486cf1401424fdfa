/**
 * Routes for administrators: storage, settings and log.
 * In: requests. Out: StorageView, SettingView, LogLineView.
 */
import { LogLevelView, LogLineView, SettingTexts, SettingView, StorageView } from '../../api/admin-shapes.ts';
import { Type } from '../../api/type.ts';
import { defineRoute, type Route } from '../route/route.ts';

const SettingList = Type.Object({ items: Type.Array(SettingView), nextCursor: Type.Null() }, { $id: 'SettingList' });
const LogList = Type.Object({ items: Type.Array(LogLineView), nextCursor: Type.Null() }, { $id: 'LogList' });
const LogQuery = Type.Object(
  {
    level: Type.Optional(LogLevelView),
    stream: Type.Optional(Type.String({ maxLength: 64, description: 'only lines about this stream' })),
    text: Type.Optional(
      Type.String({ maxLength: 200, description: 'only lines that contain this text, in either case' }),
    ),
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,16}$', description: '`id` of a line: only lines after it' })),
  },
  { additionalProperties: false },
);

/** The rows. */
export const adminRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/v1/storage',
    tag: 'system',
    access: 'admin',
    sentence: 'Returns the state of the recordings disk: free space, growth, and when it will be full.',
    replies: { 200: StorageView },
    answer: async (_, { storage }) => ({ body: await storage() }),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/settings',
    tag: 'system',
    access: 'admin',
    sentence:
      'Lists the effective settings, each with its origin and whether a change needs a restart; without secrets.',
    replies: { 200: SettingList },
    answer: (_, { settings }) => ({ body: { items: settings.list(), nextCursor: null } }),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/settings',
    tag: 'system',
    access: 'admin',
    sentence:
      'Sets settings by their paths, as in a file: `{"record.keep":"7d"}`; `null`: the default again. Only those with `settable`. All are set, or none. They are stored in the database, and apply at once, on every node.',
    body: SettingTexts,
    replies: { 200: SettingList },
    async answer({ body }, { settings }) {
      await settings.change(body);
      return { body: { items: settings.list(), nextCursor: null } };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/logs',
    tag: 'system',
    access: 'admin',
    sentence: 'Returns the last lines of the log, oldest first, at most 2,000. `level` is the lowest level returned.',
    query: LogQuery,
    replies: { 200: LogList },
    answer: async ({ query: { level, stream, text, after } }, { logs }) => ({
      body: {
        items: await logs.read({ level, stream, text, after: after === undefined ? undefined : Number(after) }),
        nextCursor: null,
      },
    }),
  }),
];
