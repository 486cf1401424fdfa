/**
 * The weekly report as an e-mail, in English and Chinese.
 * In: the figures of a week. Out: the paragraphs of a message. Pure.
 */
import { type MailContent, type MailLanguage, type MailParts, writeParts } from '../../accounts/mail/messages.ts';
import type { WeeklyReport } from '../../api/reports/report-events.ts';

/** Words of one language; numbers come as they are printed. */
interface Words {
  readonly locale: string;
  readonly subject: (site: string, day: string) => string;
  readonly span: (from: string, to: string) => string;
  readonly nothing: string;
  readonly watched: (sessions: string, hours: string) => string;
  readonly change: (percent: string) => string;
  readonly peak: (viewers: string, at: string) => string;
  readonly start: (seconds: string) => string;
  readonly stalls: (percent: string) => string;
  readonly streams: string;
  readonly stream: (name: string, hours: string, sessions: string) => string;
  readonly rewound: string;
  readonly action: string;
}

const words: Readonly<Record<MailLanguage, Words>> = {
  en: {
    locale: 'en',
    subject: (site, day) => `${site}: viewing in the week to ${day}`,
    span: (from, to) => `From ${from} to ${to}, days of UTC.`,
    nothing: 'No one watched.',
    watched: (sessions, hours) => `Sessions: ${sessions}. Hours watched: ${hours}.`,
    change: (percent) => `Compared with the week before: ${percent} hours watched.`,
    peak: (viewers, at) => `Busiest hour: ${viewers} viewers on average, from ${at} UTC.`,
    start: (seconds) => `Half of the sessions started within ${seconds} s.`,
    stalls: (percent) => `Viewers waited for ${percent} of the time.`,
    streams: 'Most watched streams:',
    stream: (name, hours, sessions) => `${name}: ${hours} hours, ${sessions} sessions`,
    rewound: 'Most rewound:',
    action: 'All figures',
  },
  zh: {
    locale: 'zh-CN',
    subject: (site, day) => `${site}：截至 ${day} 一周的观看情况`,
    span: (from, to) => `${from} 至 ${to}（按 UTC 计日）。`,
    nothing: '无人观看。',
    watched: (sessions, hours) => `观看会话：${sessions}。观看小时数：${hours}。`,
    change: (percent) => `观看时长与前一周相比：${percent}。`,
    peak: (viewers, at) => `最繁忙的一小时：平均 ${viewers} 人观看，始于 UTC ${at}。`,
    start: (seconds) => `一半的会话在 ${seconds} 秒内开始播放。`,
    stalls: (percent) => `观众等待的时间占 ${percent}。`,
    streams: '观看最多的直播流：',
    stream: (name, hours, sessions) => `${name}：${hours} 小时，${sessions} 次会话`,
    rewound: '回看最多：',
    action: '查看全部数据',
  },
};

/**
 * Writes the message.
 *
 * @param publicUrl of this server for its users, without a slash at the end
 */
export function writeReport(report: WeeklyReport, publicUrl: string, language: MailLanguage): MailContent {
  const text = words[language];
  const print = printer(text.locale);
  const lastDay = print.day(Date.parse(report.to) - 1);
  const parts: MailParts = {
    subject: text.subject(new URL(publicUrl).host, lastDay),
    before: [
      text.span(print.day(Date.parse(report.from)), lastDay),
      ...(report.sessions === 0 ? [text.nothing] : figuresOf(report, text, print)),
    ],
    items: [
      ...listOf(
        text.streams,
        report.streams.map(({ stream, watched, sessions }) =>
          text.stream(stream, print.number(watched), print.number(sessions)),
        ),
      ),
      ...report.rewound.map(({ stream, at }, index) => ({
        text: `${index === 0 ? `${text.rewound}\n` : ''}${stream}, ${print.time(Date.parse(at))} UTC`,
        links: [`${publicUrl}/watch/${stream}?t=${Math.floor(Date.parse(at) / 1000)}`],
      })),
    ],
    action: text.action,
    after: [],
  };
  return writeParts(parts, `${publicUrl}/admin/insight`, language);
}

function figuresOf(report: WeeklyReport, text: Words, print: ReturnType<typeof printer>): readonly string[] {
  const { sessions, watched, before, peakViewers, peakAt, startup, stallRatio } = report;
  const lines = [text.watched(print.number(sessions), print.number(watched))];
  if (before.watched > 0) lines.push(text.change(print.change(watched / before.watched - 1)));
  if (peakAt !== null) lines.push(text.peak(print.number(peakViewers), print.time(Date.parse(peakAt))));
  if (startup !== null) lines.push(text.start(print.number(startup)));
  if (stallRatio !== null) lines.push(text.stalls(print.percent(stallRatio)));
  return lines;
}

function listOf(title: string, lines: readonly string[]): { readonly text: string; readonly links: readonly [] }[] {
  return lines.length === 0 ? [] : [{ text: [title, ...lines].join('\n'), links: [] }];
}

/** Numbers and times of UTC as readers of a language write them. */
function printer(locale: string) {
  const number = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options);
  const time = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale, { timeZone: 'UTC', hourCycle: 'h23', ...options });
  const day = time({ year: 'numeric', month: 'short', day: 'numeric' });
  const moment = time({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
  const decimal = number({ maximumFractionDigits: 1 });
  const percent = number({ style: 'percent', maximumFractionDigits: 1 });
  const change = number({ style: 'percent', maximumFractionDigits: 0, signDisplay: 'always' });
  return {
    day: (ms: number) => day.format(ms),
    time: (ms: number) => moment.format(ms),
    number: (value: number) => decimal.format(value),
    percent: (share: number) => percent.format(share),
    change: (share: number) => change.format(share),
  };
}
