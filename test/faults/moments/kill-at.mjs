// Loaded by `--import`: writes down each change of a file or of the database that oxbow begins, and kills
// oxbow at one of them. KILL_LOG: a file, its first line is the id of the process; KILL_AT: `before` or
// `after`, the number of the change among those of its name, its name, with tabs between them.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync } from 'node:sqlite';
import { isMainThread } from 'node:worker_threads';

const { KILL_LOG, KILL_AT, KILL_PID = String(process.pid) } = process.env;
// Threads have the variables of their process; processes that oxbow starts have another id.
process.env.KILL_PID = KILL_PID;
if (KILL_LOG && KILL_PID === String(process.pid)) watch();

function watch() {
  const log = fs.openSync(KILL_LOG, 'a');
  const note = (line) => fs.writeSync(log, `${line}\n`);
  const [when, nth, wanted] = KILL_AT?.split('\t') ?? [];
  let seen = 0;
  const shapeOf = (name) => name.replace(/[\w-]*\d[\w-]*/g, (part) => (part === 'mp4' ? part : '#'));
  if (isMainThread) note(process.pid);
  const kill = (name) => {
    note(`killed\t${when} ${nth}. ${name}`);
    process.kill(process.pid, 'SIGKILL');
  };
  const around = (name, work) => {
    note(name);
    const isIt = name === wanted && ++seen === Number(nth);
    if (isIt && when === 'before') kill(name);
    const result = work();
    if (!isIt) return result;
    return result instanceof Promise ? result.finally(() => kill(name)) : kill(name);
  };
  const paths = new WeakMap();
  /** The last two names of a path. */
  const fileOf = (path) => shapeOf(String(path).split('/').slice(-2).join('/'));
  const wrap = (owner, op, nameOf) => {
    const own = owner[op];
    owner[op] = function (...args) {
      const name = nameOf(this, args);
      return name === undefined ? own.apply(this, args) : around(name, () => own.apply(this, args));
    };
  };

  const { promises } = fs;
  for (const op of ['rename', 'copyFile']) wrap(promises, op, (_, [, to]) => `${op} ${fileOf(to)}`);
  for (const op of ['rm', 'unlink', 'mkdir', 'rmdir', 'writeFile'])
    wrap(promises, op, (_, [path]) => `${op} ${fileOf(path)}`);
  for (const op of ['renameSync', 'rmSync', 'writeFileSync'])
    wrap(fs, op, (_, args) => `${op} ${fileOf(args[op === 'renameSync' ? 1 : 0])}`);
  const { open } = promises;
  promises.open = async (path, flags = 'r', ...rest) => {
    const handle = await (String(flags).startsWith('w')
      ? around(`open ${fileOf(path)}`, () => open(path, flags, ...rest))
      : open(path, flags, ...rest));
    paths.set(handle, fileOf(path));
    return handle;
  };
  open('/dev/null', 'r').then((handle) => {
    for (const op of ['write', 'writev', 'datasync', 'sync', 'truncate'])
      wrap(Object.getPrototypeOf(handle), op, (file) => `${op} ${paths.get(file)}`);
    return handle.close();
  });

  const statements = new WeakMap();
  /** `INSERT job`; undefined of what changes nothing. */
  const changeOf = (sql) => {
    const text = sql.replaceAll('"', '').trim();
    if (/^(select|pragma)/i.test(text)) return undefined;
    const [, verb = text.split(/[\s;]/)[0], table = ''] =
      /^(insert|update|delete|vacuum|create|alter|drop)\s+(?:or \w+ )?(?:into |from |table |index |unique index )?(\w*)/i.exec(
        text,
      ) ?? [];
    return `${verb} ${table}`.trim().toLowerCase();
  };
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (sql, ...rest) {
    const statement = prepare.call(this, sql, ...rest);
    const change = changeOf(sql);
    if (change) statements.set(statement, `sql ${change}`);
    return statement;
  };
  wrap(DatabaseSync.prototype, 'exec', (_, [sql]) => {
    const change = changeOf(sql);
    return change && `sql ${change}`;
  });
  const probe = new DatabaseSync(':memory:');
  const { prototype } = probe.prepare('SELECT 1').constructor;
  probe.close();
  for (const op of ['run', 'all', 'get']) wrap(prototype, op, (statement) => statements.get(statement));
  syncBuiltinESMExports();
}
