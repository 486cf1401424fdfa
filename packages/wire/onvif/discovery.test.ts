import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMessageId, parseProbeMatches, printProbe } from './discovery.ts';
import { parseNotifications, parsePullPoint, printPull } from './events.ts';
import { parseMediaUri, parseProfiles } from './media.ts';
import { parsePresets, printMove } from './ptz.ts';
import { parseSoap } from './soap.ts';

const respond = (body: string, header = '') =>
  `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>${header}</s:Header><s:Body>${body}</s:Body></s:Envelope>`;
const match = (endpoint: string, more: string) =>
  `<d:ProbeMatch><a:EndpointReference><a:Address>${endpoint}</a:Address></a:EndpointReference>${more}</d:ProbeMatch>`;

test('an answer to the probe has devices with their scopes; an answer to another one has none', () => {
  const id = createMessageId();
  assert.match(
    printProbe(id, 'NetworkVideoTransmitter'),
    new RegExp(`<a:MessageID>${id}<.*n:NetworkVideoTransmitter<`),
  );
  const scopes =
    'onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/Name/AXIS%20P1375%0A onvif://www.onvif.org/hardware/P1375 onvif://www.onvif.org/mfr/Axis';
  const one = match(
    'urn:uuid:1',
    `<d:Scopes>${scopes}</d:Scopes><d:XAddrs>http://10.0.0.2/a http://[fe80::1]/a</d:XAddrs>`,
  );
  const text = respond(
    `<d:ProbeMatches>${one}${match('urn:uuid:2', '<d:Scopes>onvif://www.onvif.org/name/100%</d:Scopes>')}<d:ProbeMatch/></d:ProbeMatches>`,
    `<a:RelatesTo>${id}</a:RelatesTo>`,
  );
  const devices = parseProbeMatches(text, (each) => each === id);
  assert.deepEqual(devices[0], {
    endpoint: 'urn:uuid:1',
    addresses: ['http://10.0.0.2/a', 'http://[fe80::1]/a'],
    name: 'AXIS P1375',
    hardware: 'P1375',
    maker: 'Axis',
    location: '',
  });
  assert.equal(devices[1]?.name, '100%');
  assert.equal(devices.length, 2);
  assert.deepEqual(
    parseProbeMatches(text, () => false),
    [],
  );
});

test('hostile messages are refused: entities, depth, size, number of tags', () => {
  const isOwn = () => true;
  const refused = (text: string, message: RegExp) =>
    assert.throws(() => parseProbeMatches(text, isOwn), { name: 'FormatError', message });
  refused(`<!DOCTYPE x [<!ENTITY a "aaaa">]>${respond('<x>&a;</x>')}`, /document type/);
  refused(respond('<a>'.repeat(40)), /nested too deeply/);
  refused(respond('x'.repeat(70_000)), /longer than 65536/);
  assert.throws(() => parseSoap(respond('<a/>'.repeat(120_000))), { name: 'FormatError', message: /100000 tags/ });
  const started = performance.now();
  const starts = respond(`<R>${'<ReferenceParameters/>'.repeat(40_000)}<b/></R>`);
  parsePullPoint(
    parseSoap(respond('<R><SubscriptionReference><Address>http://h</Address></SubscriptionReference></R>')),
    starts,
  );
  assert.ok(performance.now() - started < 2000);
});

test('profiles of both media services are read', () => {
  const older =
    '<r:P><r:Profiles token="p1"><t:Name>Main</t:Name><t:VideoSourceConfiguration token="c1"><t:SourceToken>s1</t:SourceToken></t:VideoSourceConfiguration><t:VideoEncoderConfiguration token="e"><t:Encoding>H264</t:Encoding><t:Resolution><t:Width>1920</t:Width><t:Height>1080</t:Height></t:Resolution><t:RateControl><t:FrameRateLimit>25</t:FrameRateLimit></t:RateControl></t:VideoEncoderConfiguration><t:PTZConfiguration token="z"/></r:Profiles></r:P>';
  const newer =
    '<r:P><r:Profiles token="p2"><r:Name>Sub</r:Name><r:Configurations><r:VideoEncoder token="e"><t:Encoding>H265</t:Encoding><t:Resolution><t:Width>-5</t:Width><t:Height>99999999</t:Height></t:Resolution></r:VideoEncoder></r:Configurations></r:Profiles><r:Profiles/></r:P>';
  assert.deepEqual(parseProfiles(parseSoap(respond(older))), [
    {
      token: 'p1',
      name: 'Main',
      encoding: 'H264',
      width: 1920,
      height: 1080,
      fps: 25,
      sources: ['c1', 's1'],
      moves: true,
    },
  ]);
  assert.deepEqual(parseProfiles(parseSoap(respond(newer))), [
    { token: 'p2', name: 'Sub', encoding: 'H265', width: 0, height: 0, fps: 0, sources: [], moves: false },
  ]);
  assert.equal(parseMediaUri(parseSoap(respond('<r><MediaUri><Uri>rtsp://a</Uri></MediaUri></r>'))), 'rtsp://a');
  assert.equal(parseMediaUri(parseSoap(respond('<r><Uri>rtsp://b?x=1&amp;y=2</Uri></r>'))), 'rtsp://b?x=1&y=2');
});

test('notifications have their kind, state, time and source; others are left out', () => {
  const notify = (topic: string, data: string, operation = 'Changed') =>
    `<n:NotificationMessage><n:Topic Dialect="d">tns1:${topic}</n:Topic><n:Message><t:Message UtcTime="2026-11-30T01:02:03Z" PropertyOperation="${operation}"><t:Source><t:SimpleItem Name="VideoSourceConfigurationToken" Value="1"/></t:Source><t:Data>${data}</t:Data></t:Message></n:Message></n:NotificationMessage>`;
  const item = (name: string, value: string) => `<t:SimpleItem Name="${name}" Value="${value}"/>`;
  const response = respond(
    `<t:PullMessagesResponse><t:CurrentTime/>${[
      notify('RuleEngine/CellMotionDetector/Motion', item('IsMotion', 'true')),
      notify('Device/Trigger/DigitalInput', item('LogicalState', '0')),
      notify('RuleEngine/LineDetector/Crossed', item('ObjectId', '4')),
      notify('RuleEngine/FieldDetector/ObjectsInside', item('IsInside', 'true'), 'Initialized'),
      notify('VideoSource/MotionAlarm', item('State', 'true'), 'Deleted'),
      notify('Device/HardwareFailure/FanFailure', item('Failed', 'true')),
    ].join('')}</t:PullMessagesResponse>`,
  );
  const atMs = Date.UTC(2026, 10, 30, 1, 2, 3);
  assert.deepEqual(
    parseNotifications(parseSoap(response)),
    (
      [
        ['motion', true],
        ['input', false],
        ['line', undefined],
        ['field', true],
      ] as const
    ).map(([kind, isOn]) => ({ kind, isOn, atMs, source: '1' })),
  );
});

test('what a camera wants in the header of each request is sent back with its namespaces', () => {
  const text =
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:v="urn:v"><s:Body><r><SubscriptionReference><a:Address>http://h/s?x=1</a:Address><a:ReferenceParameters><v:Id>7</v:Id></a:ReferenceParameters></SubscriptionReference></r></s:Body></s:Envelope>';
  const point = parsePullPoint(parseSoap(text), text);
  assert.deepEqual(point, { address: 'http://h/s?x=1', parameters: '<v:Id xmlns:v="urn:v">7</v:Id>' });
  const { headers } = printPull('http://h/s?x=1&y', point!, 5);
  assert.match(headers, /<a:To [^>]+>http:\/\/h\/s\?x=1&amp;y<\/a:To><v:Id xmlns:v="urn:v">7<\/v:Id>$/);
  assert.equal(parsePullPoint(parseSoap(respond('<r/>')), ''), undefined);
});

test('of what a camera wants in the header, no namespace is declared twice', () => {
  const parametersFor = (declared: string, parameters: string) => {
    const text = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"${declared}><s:Body><r><SubscriptionReference><a:Address>http://h</a:Address><a:ReferenceParameters>${parameters}</a:ReferenceParameters></SubscriptionReference></r></s:Body></s:Envelope>`;
    return parsePullPoint(parseSoap(text), text)?.parameters;
  };
  const own = '<dom0:SubscriptionId xmlns:dom0="http://www.axis.com/2009/event">3</dom0:SubscriptionId>';
  assert.equal(parametersFor('', own), own);
  assert.equal(
    parametersFor(` xmlns:v='urn:v' xmlns:w="urn:w"`, '<v:Id xmlns:v="urn:x" w:a="1"/><w:Of/>'),
    `<v:Id xmlns:w="urn:w" xmlns:v="urn:x" w:a="1"/><w:Of xmlns:v="urn:x" xmlns:w="urn:w"/>`,
  );
  assert.equal(parametersFor(` xmlns:v='urn:v'`, '<v:Id>1</v:Id>'), `<v:Id xmlns:v='urn:v'>1</v:Id>`);
});

test('a line that is not crossed any more, and what was so before, are no events', () => {
  const notify = (topic: string, source: string, data: string, operation = 'Changed') =>
    `<n:NotificationMessage><n:Topic>tns1:${topic}</n:Topic><n:Message><t:Message PropertyOperation="${operation}"><t:Source><t:SimpleItem Name="${source}" Value="7"/></t:Source><t:Data><t:SimpleItem ${data}/></t:Data></t:Message></n:Message></n:NotificationMessage>`;
  const line = 'RuleEngine/LineCrossDetector/LineCross';
  const response = respond(
    `<t:R>${[
      notify(line, 'Rule', 'Name="IsLineCross" Value="true"'),
      notify(line, 'Rule', 'Name="IsLineCross" Value="false"'),
      notify(line, 'Rule', 'Name="IsLineCross" Value="true"', 'Initialized'),
      notify('RuleEngine/LineCounter/Crossed', 'Rule', 'Name="Count" Value="12"', 'Initialized'),
      notify('VideoSource/MotionAlarm', 'Source', 'Name="State" Value="true"'),
      notify('Device/Trigger/DigitalInput', 'Source', 'Name="LogicalState" Value="true"'),
    ].join('')}</t:R>`,
  );
  assert.deepEqual(
    parseNotifications(parseSoap(response)).map(({ kind, isOn, source }) => [kind, isOn, source]),
    [
      ['line', undefined, undefined],
      ['line', false, undefined],
      ['motion', true, '7'],
      ['input', true, undefined],
    ],
  );
});

test('movements have a time-out, and places their names', () => {
  assert.match(printMove('p&1', { pan: 1, tilt: 0, zoom: -0.5 }, 3), /p&amp;1<.*x="1" y="0".*x="-0.5".*PT3S/);
  const presets = '<r><z:Preset token="1"><t:Name>Gate</t:Name></z:Preset><z:Preset token="2"/><z:Preset/></r>';
  assert.deepEqual(parsePresets(parseSoap(respond(presets))), [
    { token: '1', name: 'Gate' },
    { token: '2', name: '2' },
  ]);
});
