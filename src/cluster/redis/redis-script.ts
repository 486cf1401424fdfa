/**
 * A script that Redis runs in one atomic step.
 * In: Lua. Out: its digest, by which Redis knows it.
 */
import { createHash } from 'node:crypto';

export interface RedisScript {
  readonly lua: string;
  /** SHA-1, as EVALSHA takes it. */
  readonly sha: string;
}

/**
 * Prepares a script. Its last argument is the time in ms, empty for that of Redis itself: `now` has it.
 *
 * @param lua may use `KEYS`, `ARGV` and `now`
 */
export function timedScript(lua: string): RedisScript {
  const time = `local now = tonumber(ARGV[#ARGV])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
`;
  const whole = time + lua.trim();
  return { lua: whole, sha: createHash('sha1').update(whole).digest('hex') };
}
