/**
 * The seal of addresses that a server with these settings has, and what another key has sealed.
 * In: settings, a database that no server uses. Out: the seal; names for people.
 */
import { join } from 'node:path';
import { readBox } from '../../accounts/address-seal.ts';
import type { Config } from '../../config/schema.ts';
import { nodeName } from '../../config/sections/cluster-section.ts';
import { databaseServer } from '../../config/sections/store-section.ts';
import { createSilentLog } from '../../observe/log.ts';
import { openEngine } from '../../store/db.ts';
import { DATABASE_FILE } from '../../store/file-names.ts';
import { lockedRows } from '../../store/sealed/seal-rows.ts';
import { type TextSeal, useSeal } from '../../store/sealed/text-seal.ts';

/** Opens the seal; undefined if there is no secret yet. */
export function openSettingsSeal(config: Config): Promise<TextSeal | undefined> {
  return readBox(secretsOf(config));
}

function secretsOf(config: Config): Parameters<typeof readBox>[0] {
  return [config.data, config.watchSecret, nodeName(config) && config.cluster.secret];
}

/** What this server cannot open: `the source of cam`. Empty if it can open all. */
export async function readLockedRows(config: Config): Promise<readonly string[]> {
  const seal = await openSettingsSeal(config);
  const file = join(config.data, DATABASE_FILE);
  await using engine = await openEngine({ file, server: databaseServer(config.store), log: createSilentLog() });
  useSeal(engine.db, seal);
  const box = await readBox(secretsOf(config), 'cameras');
  const logins = await engine.db
    .selectFrom('camera')
    .innerJoin('stream', 'stream.id', 'camera.stream_id')
    .select(['stream.name', 'camera.sealed'])
    .orderBy('stream.name')
    .execute();
  const ofCameras = logins.flatMap(({ name, sealed }) =>
    box?.open(sealed) === undefined ? [`the login of the camera of ${name}`] : [],
  );
  return [...(await lockedRows(engine.db)), ...ofCameras];
}
