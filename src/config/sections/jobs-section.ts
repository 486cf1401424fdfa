/**
 * The settings of background jobs, a part of the table of all settings.
 * In: the types of settings. Out: the section `jobs` for schema.ts.
 */
import { choice, duration, integer, optionalSize, section } from '../option.ts';
import { amqpUrl, namePrefix } from './server-option.ts';

export const jobsSection = section({
  parallel: integer('1', { min: 1, max: 16 }, 'Number of jobs (such as exports) that run at the same time.'),
  queue: integer('100', { min: 1, max: 10_000 }, 'Number of jobs of one kind (such as exports) that can wait.'),
  keep: duration('24h', 'How long a finished job and its file are kept.', { min: '1m', reload: 'live' }),
  maxDisk: optionalSize('50G', 'Most disk space for files of jobs. Beyond it the oldest are deleted.', {
    reload: 'live',
  }),
  ownWorker: choice(
    ['auto', 'always', 'off'],
    'auto',
    'Whether this server imports and encodes videos itself, in a separate process: `auto` while there are such jobs, `off` if workers on other machines do.',
  ),
  slots: integer('1', { min: 1, max: 64 }, 'Number of jobs that the own worker runs at the same time.'),
  workerIdle: duration('10m', 'How long the own worker is kept without a job.', { min: '1s' }),
  amqp: section({
    url: amqpUrl(
      'RabbitMQ server, through which several oxbow servers on one database learn that a job waits: `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS. Default: none; the jobs are in the database with and without it.',
    ),
    prefix: namePrefix(
      'oxbow',
      'First part of the names of queues in RabbitMQ: the same on all servers of one database.',
    ),
  }),
});
