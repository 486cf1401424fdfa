/**
 * Damaged CPIX documents: keys of 16 bytes, or a FormatError.
 * In: a seed and how many documents. Out: how many were read. Used by tests and by `npm run fuzz`.
 */
import assert from 'node:assert/strict';
import { FormatError } from '../errors.ts';
import { seeded } from '../random.fixture.ts';
import { parseCpix } from './cpix.ts';

/** A response of a key server. */
export const cpixResponse = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a key server -->
<cpix:CPIX contentId="door" version="2.3" xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc">
  <cpix:ContentKeyList>
    <cpix:ContentKey kid="01020304-0506-0708-090a-0b0c0d0e0f10" explicitIV="ABAgMEBQYHCAkKCwwNDg8A==" commonEncryptionScheme="cbcs">
      <cpix:Data><pskc:Secret><pskc:PlainValue>oKGio6SlpqeoqaqrrK2urw==</pskc:PlainValue></pskc:Secret></cpix:Data>
    </cpix:ContentKey>
  </cpix:ContentKeyList>
  <cpix:DRMSystemList>
    <cpix:DRMSystem kid="01020304-0506-0708-090a-0b0c0d0e0f10" systemId="94CE86FB-07FF-4F43-ADB8-93D2FA968CA2">
      <cpix:URIExtXKey>c2tkOi8va2V5cy9kb29y</cpix:URIExtXKey>
      <cpix:HLSSignalingData playlist="media">I0VYVC1YLUtFWTpNRVRIT0Q9U0FNUExFLUFFUw==</cpix:HLSSignalingData>
    </cpix:DRMSystem>
    <cpix:DRMSystem kid="01020304-0506-0708-090a-0b0c0d0e0f10" systemId="edef8ba9-79d6-4ace-a3c8-27dcd51d21ed">
      <cpix:PSSH>AAAAIHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAAA=</cpix:PSSH>
      <cpix:ContentProtectionData>PGE+PC9hPg==</cpix:ContentProtectionData>
    </cpix:DRMSystem>
  </cpix:DRMSystemList>
</cpix:CPIX>`;

/** Documents with changed, lost and repeated characters. */
export function fuzzCpix(seed: number, count: number): number {
  const random = seeded(seed);
  let read = 0;
  for (let round = 0; round < count; round++) {
    let text = cpixResponse;
    for (let i = random(3); i >= 0; i--) {
      const at = random(text.length);
      const piece = text.slice(at, at + random(60));
      const others = ['', 'a', '0', piece + piece, String.fromCharCode(random(128)), '<a ', '&#x110000;', '/>'];
      text = text.slice(0, at) + others[random(others.length)]! + text.slice(at + random(2));
    }
    try {
      const { keys, systems } = parseCpix(text);
      for (const { kid, key, iv } of keys) assert.ok([kid, key, iv].every((bytes) => !bytes || bytes.length === 16));
      for (const { system } of systems) assert.match(system, /^[0-9a-f-]{36}$/);
      read++;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
  return read;
}
