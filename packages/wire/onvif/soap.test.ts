import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzSoap } from './fuzz.fixture.ts';
import { parseReplayUri, parseResults, parseSearchToken, parseServices, parseTime } from './recordings.ts';
import { parseSoap, printSoap, printToken } from './soap.ts';

const respond = (body: string) =>
  `<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"><SOAP-ENV:Header/><SOAP-ENV:Body>${body}</SOAP-ENV:Body></SOAP-ENV:Envelope>`;

test('the password digest is that of the example of ONVIF (Programmer Guide, 6.1.1.3)', () => {
  const login = { user: 'user', password: 'userpassword', nowMs: Date.UTC(2010, 8, 16, 7, 50, 45) };
  const token = printToken(login, Buffer.from('LKqI6G/AikKCQrN0zqZFlg==', 'base64'));
  assert.match(token, /<u:Created>2010-09-16T07:50:45Z<\/u:Created>/);
  assert.match(token, /<w:Nonce [^>]+>LKqI6G\/AikKCQrN0zqZFlg==</);
  assert.match(token, /#PasswordDigest">tuOSpGlFlIXsozq4HFNeeGeFLEI=</);
  assert.doesNotMatch(printSoap('<x/>', login), /userpassword/);
  assert.doesNotMatch(printSoap('<x/>', undefined), /Header/);
});

test('the clock, the services, the recordings and the address of a camera are read', () => {
  const time = parseSoap(
    respond(
      '<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:UTCDateTime><tt:Time><tt:Hour>9</tt:Hour><tt:Minute>7</tt:Minute><tt:Second>3</tt:Second></tt:Time><tt:Date><tt:Year>2026</tt:Year><tt:Month>11</tt:Month><tt:Day>30</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>',
    ),
  );
  assert.equal(parseTime(time), Date.UTC(2026, 10, 30, 9, 7, 3));
  const services = parseSoap(
    respond(
      '<tds:GetServicesResponse><tds:Service><tds:Namespace>http://www.onvif.org/ver10/search/wsdl</tds:Namespace><tds:XAddr>http://10.0.0.2/onvif/search?a=1&amp;b=2</tds:XAddr></tds:Service></tds:GetServicesResponse>',
    ),
  );
  assert.deepEqual([...parseServices(services).values()], ['http://10.0.0.2/onvif/search?a=1&b=2']);
  const results = parseSoap(
    respond(
      '<tse:GetRecordingSearchResultsResponse><tse:ResultList><tt:SearchState>Completed</tt:SearchState><tt:RecordingInformation><tt:RecordingToken>R1</tt:RecordingToken><tt:Source><tt:SourceId>s</tt:SourceId><tt:Name>Door</tt:Name></tt:Source><tt:EarliestRecording>2026-11-29T00:00:00Z</tt:EarliestRecording><tt:LatestRecording>2026-11-30T00:00:00.5Z</tt:LatestRecording></tt:RecordingInformation><tt:RecordingInformation/></tse:ResultList></tse:GetRecordingSearchResultsResponse>',
    ),
  );
  const toMs = Date.UTC(2026, 10, 30) + 500;
  assert.deepEqual(parseResults(results), {
    isComplete: true,
    recordings: [{ token: 'R1', name: 'Door', fromMs: Date.UTC(2026, 10, 29), toMs }],
  });
  assert.equal(parseSearchToken(parseSoap(respond('<r><SearchToken>S</SearchToken></r>'))), 'S');
  assert.equal(parseReplayUri(parseSoap(respond('<r><Uri>rtsp://h/1</Uri></r>'))), 'rtsp://h/1');
});

test('a refusal has the codes and the reason of the camera', () => {
  const fault =
    '<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">Sender not authorized</s:Text></s:Reason></s:Fault>';
  assert.throws(() => parseSoap(respond(fault)), {
    name: 'SoapFault',
    code: 'Sender NotAuthorized',
    message: 'Sender not authorized',
  });
  assert.throws(() => parseSoap('<html></html>'), { name: 'FormatError' });
});

test('random and scrambled messages are read, faults or FormatErrors', () => fuzzSoap(1, 2000));
