/**
 * The settings of hardware encoders, a part of the table of all settings.
 * In: the types of settings. Out: the section `transcode` for schema.ts.
 */
import { choice, duration, integer, section } from '../option.ts';

export const transcodeSection = section({
  sessions: integer(
    '3',
    { min: 0, max: 64 },
    'Most qualities that each video device encodes at the same time, of all oxbow processes of this machine; others are encoded in software. Consumer cards take few. `0` uses no device.',
  ),
  liveSessions: integer(
    '1',
    { min: 0, max: 64 },
    'How many of these sessions jobs of the library leave free for live streams; at most all but one.',
  ),
  wait: duration(
    '10s',
    'How long a job of the library waits for a free session before software encodes it. Live streams do not wait.',
    { min: '0s', max: '10m' },
  ),
  liveWorkers: choice(
    ['auto', 'off'],
    'auto',
    'Whether live qualities are encoded on video devices of workers on other machines: `auto` where the devices of this machine are full, failed or absent. The source travels to the worker, and its qualities are one segment later.',
  ),
});
