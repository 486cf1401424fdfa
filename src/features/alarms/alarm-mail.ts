/**
 * E-mail about alarms: one message for all that are raised and cleared within a few seconds, and at most one
 * a minute.
 * In: changes of alarms. Out: messages in the queue of the mail server.
 */
import type { Mail } from '../../accounts/mail/account-mail.ts';
import { readEmail } from '../../accounts/mail/email-address.ts';
import { type AlarmMailLine, type MailLanguage, type MailTopic, writeMail } from '../../accounts/mail/messages.ts';
import { alarmNames } from '../../api/alarms/alarm-texts.ts';
import { printRfc3339 } from '../../api/instant.ts';
import type { Config } from '../../config/schema.ts';
import { sleep } from '../../lib/abort.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Current } from '../../lib/current.ts';
import type { StoredAlarm } from './alarm-table.ts';

/** The first alarm waits this long for others, ms. */
const GATHER_MS = 5_000;
/** Least time between two messages, ms. */
const BETWEEN_MS = 60_000;
/** Most alarms that a message lists; it says how many more there are. */
const MOST_LINES = 50;
/** Most alarms that wait for the next message; further ones are only counted. */
const MAX_WAITING = 1_000;
/** A message is of no use after this long, ms. */
const LIFETIME_MS = 24 * 3_600_000;

/** Dependencies of the mailer. */
interface AlarmMailerOptions {
  readonly settings: Current<Pick<Config, 'alarms'>>;
  readonly mail: Pick<Mail, 'queue' | 'publicUrl'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly signal: AbortSignal;
  readonly failed: (error: unknown) => void;
  /** For tests: instead of 5 s and a minute. */
  readonly gatherMs?: number;
  readonly betweenMs?: number;
}

/** Sends messages until its signal fires. */
export class AlarmMailer {
  readonly #options: AlarmMailerOptions;
  /** By alarm: one that was raised and cleared meanwhile is one line. */
  #waiting = new Map<string, StoredAlarm>();
  #leftOut = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  #sending: Promise<void> | undefined;

  constructor(options: AlarmMailerOptions) {
    this.#options = options;
  }

  /** Adds an alarm that was raised or cleared. Never waits, never throws. */
  add(alarm: StoredAlarm): void {
    if (this.#options.settings.now.alarms.mail.length === 0) return;
    if (this.#waiting.size < MAX_WAITING || this.#waiting.has(alarm.id)) this.#waiting.set(alarm.id, alarm);
    else this.#leftOut++;
    this.#sending ??= this.#run();
  }

  /** Sends the waiting mail; resolves when it is in the queue of the mail server. */
  async close(): Promise<void> {
    await this.#sending;
  }

  async #run(): Promise<void> {
    const { clock, signal, failed, gatherMs = GATHER_MS, betweenMs = BETWEEN_MS } = this.#options;
    while (this.#waiting.size > 0) {
      const waitMs = Math.max(gatherMs, this.#sentMs + betweenMs - clock.monotonicMs());
      await sleep(waitMs, { signal }).catch(() => undefined); // at the end, waiting mail is sent at once
      this.#sentMs = clock.monotonicMs();
      await this.#send().catch(failed);
    }
    this.#sending = undefined;
  }

  async #send(): Promise<void> {
    const { settings, mail } = this.#options;
    const { mail: addresses, mailLanguage } = settings.now.alarms;
    const alarms = [...this.#waiting.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const more = Math.max(0, alarms.length - MOST_LINES) + this.#leftOut;
    this.#waiting = new Map();
    this.#leftOut = 0;
    const topic: MailTopic = {
      kind: 'alarms',
      site: new URL(mail.publicUrl).host,
      more,
      link: `${mail.publicUrl}/admin/alarms`,
      alarms: alarms.slice(0, MOST_LINES).map((alarm) => lineOf(alarm, mail.publicUrl, mailLanguage)),
    };
    const content = writeMail(topic, mailLanguage);
    for (const address of addresses) {
      const to = readEmail(address);
      if (to === undefined) throw new Error(`${address} is not an e-mail address`);
      if (await mail.queue.add({ to, content, userId: undefined, lifetimeMs: LIFETIME_MS })) continue;
      throw new Error('too many messages wait for the mail server');
    }
  }
}

function lineOf(alarm: StoredAlarm, publicUrl: string, language: MailLanguage): AlarmMailLine {
  const { stream, code, fromMs, clearedMs } = alarm;
  const seconds = Math.floor(fromMs / 1000);
  return {
    stream,
    name: alarmNames[language][code],
    from: printRfc3339(fromMs),
    to: clearedMs === undefined ? undefined : printRfc3339(clearedMs),
    page: `${publicUrl}/admin/history/${stream}?t=${seconds}`,
    still: `${publicUrl}/thumb/${stream}/${seconds + 1}.jpg`,
  };
}
