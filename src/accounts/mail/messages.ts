/**
 * The messages that oxbow sends by e-mail, in English and Chinese: plain text, and the same as HTML without
 * pictures.
 * In: names and links. Out: subject, text and HTML. Pure.
 */

/** Languages of messages. */
export type MailLanguage = 'en' | 'zh';

/** A message without its recipient. */
export interface MailContent {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/**
 * The topic of a message. `site` is the host of this server, as its users know it; `link` an absolute URL.
 */
export type MailTopic =
  | { readonly kind: 'verify'; readonly name: string; readonly site: string; readonly link: string }
  | { readonly kind: 'reset'; readonly name: string; readonly site: string; readonly link: string }
  | { readonly kind: 'invitation'; readonly from: string; readonly site: string; readonly link: string }
  | { readonly kind: 'changed'; readonly name: string; readonly site: string; readonly email: string }
  | {
      readonly kind: 'alarms';
      readonly site: string;
      readonly link: string;
      readonly alarms: readonly AlarmMailLine[];
      /** Alarms that are not listed. */
      readonly more: number;
    }
  | { readonly kind: 'test'; readonly site: string };

/** An alarm in a message. Times are RFC 3339. */
export interface AlarmMailLine {
  readonly stream: string;
  /** Name of the alarm in the language of the message. */
  readonly name: string;
  readonly from: string;
  /** undefined: it is active. */
  readonly to: string | undefined;
  /** Absolute URLs of the page that shows the event, and of a picture. */
  readonly page: string;
  readonly still: string;
}

/** The parts of a message. */
export interface MailParts {
  readonly subject: string;
  /** Before the link. */
  readonly before: readonly string[];
  /** Each with its links. */
  readonly items?: readonly { readonly text: string; readonly links: readonly string[] }[];
  /** After the items. */
  readonly tail?: string;
  /** Text of the link in HTML. */
  readonly action?: string;
  readonly after: readonly string[];
}

type Texts = { readonly [K in MailTopic['kind']]: (topic: MailTopic & { readonly kind: K }) => MailParts };

const english: Texts = {
  verify: ({ name, site }) => ({
    subject: `Confirm your e-mail address for ${site}`,
    before: [`Hello ${name},`, `open this link to confirm your e-mail address for ${site}:`],
    action: 'Confirm the address',
    after: ['It works once, within 24 hours. If you did not enter this address, ignore this message.'],
  }),
  reset: ({ name, site }) => ({
    subject: `Set a new password for ${site}`,
    before: [`Hello ${name},`, `open this link to set a new password for ${site}:`],
    action: 'Set a new password',
    after: ['It works once, within an hour. If you did not request it, ignore this message: your password stays.'],
  }),
  invitation: ({ from, site }) => ({
    subject: `Your invitation to ${site}`,
    before: ['Hello,', `${from} invites you to ${site}. Open this link to create your account:`],
    action: 'Create your account',
    after: ['If you do not know who invites you, ignore this message.'],
  }),
  changed: ({ name, site, email }) => ({
    subject: `Your e-mail address for ${site} has changed`,
    before: [`Hello ${name},`, `the e-mail address of your account at ${site} is now ${email}.`],
    after: ['If you did not change it, ask the operator of the server at once.'],
  }),
  alarms: ({ site, alarms, more }) => ({
    subject: subjectOf(alarms, more, {
      raised: (alarm) => `Alarm: ${alarm}`,
      cleared: (alarm) => `Cleared: ${alarm}`,
      many: (count) => `${count} alarms at ${site}`,
    }),
    before: [],
    items: alarms.map(({ stream, name, from, to, page, still }) => ({
      text: to === undefined ? `${stream}: ${name} since ${from}` : `${stream}: ${name} from ${from} to ${to}`,
      links: [page, still],
    })),
    ...(more > 0 && { tail: `And ${more} more.` }),
    action: 'All alarms',
    after: [],
  }),
  test: ({ site }) => ({
    subject: `Test message from ${site}`,
    before: [`${site} can send e-mail.`],
    after: [],
  }),
};

const chinese: Texts = {
  verify: ({ name, site }) => ({
    subject: `确认您在 ${site} 的邮箱地址`,
    before: [`${name}，您好：`, `请打开此链接，确认您在 ${site} 的邮箱地址：`],
    action: '确认邮箱地址',
    after: ['链接仅可使用一次，24 小时内有效。如果这不是您本人的操作，请忽略此邮件。'],
  }),
  reset: ({ name, site }) => ({
    subject: `重置您在 ${site} 的密码`,
    before: [`${name}，您好：`, `请打开此链接，为 ${site} 设置新密码：`],
    action: '设置新密码',
    after: ['链接仅可使用一次，1 小时内有效。如果您没有提出请求，请忽略此邮件，您的密码不会改变。'],
  }),
  invitation: ({ from, site }) => ({
    subject: `${site} 的邀请`,
    before: ['您好：', `${from} 邀请您加入 ${site}。请打开此链接创建账号：`],
    action: '创建账号',
    after: ['如果您不认识邀请人，请忽略此邮件。'],
  }),
  changed: ({ name, site, email }) => ({
    subject: `您在 ${site} 的邮箱地址已更改`,
    before: [`${name}，您好：`, `您在 ${site} 的账号邮箱地址现为 ${email}。`],
    after: ['如果这不是您本人的操作，请立即联系服务器管理员。'],
  }),
  alarms: ({ site, alarms, more }) => ({
    subject: subjectOf(alarms, more, {
      raised: (alarm) => `告警：${alarm}`,
      cleared: (alarm) => `告警解除：${alarm}`,
      many: (count) => `${site} 有 ${count} 条告警`,
    }),
    before: [],
    items: alarms.map(({ stream, name, from, to, page, still }) => ({
      text: to === undefined ? `${stream}：${name}，开始于 ${from}` : `${stream}：${name}，${from} 至 ${to}`,
      links: [page, still],
    })),
    ...(more > 0 && { tail: `另有 ${more} 条。` }),
    action: '全部告警',
    after: [],
  }),
  test: ({ site }) => ({ subject: `来自 ${site} 的测试邮件`, before: [`${site} 可以发送邮件。`], after: [] }),
};

/** Writes a message. */
export function writeMail(topic: MailTopic, language: MailLanguage): MailContent {
  const texts = language === 'zh' ? chinese : english;
  const parts = (texts[topic.kind] as (topic: MailTopic) => MailParts)(topic);
  return writeParts(parts, 'link' in topic ? topic.link : undefined, language);
}

/** Writes a message of its parts. @param link absolute URL, after the items */
export function writeParts(parts: MailParts, link: string | undefined, language: MailLanguage): MailContent {
  const { subject, before, items = [], tail, action, after } = parts;
  const end = tail === undefined ? [] : [tail];
  const listed = items.map((item) => [item.text, ...item.links].join('\n'));
  const text = [...before, ...listed, ...end, ...(link === undefined ? [] : [link]), ...after].join('\n\n');
  const paragraphs = [
    ...before.map(escapeHtml),
    ...items.map((item) => [escapeHtml(item.text).replaceAll('\n', '<br>'), ...item.links.map(linkTo)].join('<br>')),
    ...end.map(escapeHtml),
    ...(link === undefined
      ? []
      : [`<a href="${escapeHtml(link)}">${action ?? escapeHtml(link)}</a>`, escapeHtml(link)]),
    ...after.map(escapeHtml),
  ];
  return { subject, text: `${text}\n`, html: pageOf(language, paragraphs) };
}

/**
 * The language of a request: that which its body names, otherwise the first of `Accept-Language` that exists
 * here. RFC 9110 12.5.4.
 */
export function mailLanguageOf(chosen: MailLanguage | undefined, accepted: string | undefined): MailLanguage {
  if (chosen !== undefined) return chosen;
  const first = /(?:^|[\s,])(en|zh)\b/i.exec(accepted ?? '')?.[1]?.toLowerCase();
  return first === 'zh' ? 'zh' : 'en';
}

function linkTo(url: string): string {
  return `<a href="${escapeHtml(url)}">${escapeHtml(url)}</a>`;
}

/** One alarm is named; of several, their number. */
function subjectOf(
  alarms: readonly AlarmMailLine[],
  more: number,
  words: Readonly<Record<'raised' | 'cleared', (alarm: string) => string>> & { many: (count: number) => string },
): string {
  const [first] = alarms;
  if (!first || alarms.length + more > 1) return words.many(alarms.length + more);
  return words[first.to === undefined ? 'raised' : 'cleared'](`${first.name}, ${first.stream}`);
}

function pageOf(language: MailLanguage, paragraphs: readonly string[]): string {
  const body = paragraphs.map((each) => `<p>${each}</p>`).join('\n');
  const style = 'font-family:system-ui,sans-serif;line-height:1.5;max-width:36em';
  return `<!doctype html>\n<html lang="${language}"><meta charset="utf-8"><body style="${style}">\n${body}\n</body></html>\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
