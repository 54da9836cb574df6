// Sentences of federation.

import { texts } from '#/platform/text/text.ts';

export const federationTexts = texts('federation', {
  remoteIdTaken: {
    en: 'The remote id {remoteId} belongs to another identity provider, or is given twice.',
    ko: '원격 ID {remoteId}은(는) 다른 ID 공급자의 것이거나 두 번 지정되었습니다.',
  },
  noMapping: { en: 'There is no mapping {id}.', ko: '매핑 {id}이(가) 없습니다.' },
  badRules: {
    en: 'The mapping rules do not fit: {where}: {why}.',
    ko: '매핑 규칙이 올바르지 않습니다. {where}: {why}.',
  },
  badPattern: {
    en: 'The mapping has a regular expression that cannot be read or is too long: {pattern}.',
    ko: '매핑의 정규식을 읽을 수 없거나 너무 깁니다: {pattern}.',
  },
  notMapped: {
    en: 'The identity provider knows this user, but the mapping makes nobody of them: {why}.',
    ko: 'ID 공급자가 사용자를 확인했지만 매핑으로 사용자를 정하지 못했습니다: {why}.',
  },
  disabled: { en: '{what} {id} is disabled.', ko: '{what} {id}이(가) 비활성화되어 있습니다.' },
  remoteIdUnknown: {
    en: 'The login names an identity provider that is not among those accepted here.',
    ko: '로그인에 실린 ID 공급자는 여기서 허용하는 공급자가 아닙니다.',
  },
  noConnection: {
    en: 'It is not set up how to talk to identity provider {idp} by {protocol}.',
    ko: 'ID 공급자 {idp}와(과) {protocol}(으)로 연결하는 방법이 설정되어 있지 않습니다.',
  },
  badConnection: {
    en: 'This is no connection for {kind}: {why}.',
    ko: '{kind} 연결 설정이 올바르지 않습니다: {why}.',
  },
  notSignedOn: {
    en: 'Log in at the identity provider first: there is no valid assertion or token of it in the request.',
    ko: '먼저 ID 공급자에서 로그인하십시오. 요청에 유효한 어서션이나 토큰이 없습니다.',
  },
  notTrusted: {
    en: 'The origin {origin} is not a trusted dashboard.',
    ko: '{origin}은(는) 신뢰하는 대시보드가 아닙니다.',
  },
  noOrigin: { en: 'The query must say the origin once.', ko: '쿼리에 origin을 한 번 지정해야 합니다.' },
  badXml: { en: 'The request body is not XML of the expected kind.', ko: '요청 본문이 올바른 형식의 XML이 아닙니다.' },
  needsProjectToken: {
    en: 'Use a token that is scoped to a project to make a SAML assertion.',
    ko: 'SAML 어서션을 만들려면 프로젝트 범위의 토큰을 사용하십시오.',
  },
  notFederated: {
    en: 'The token does not come from a federated login.',
    ko: '페더레이션 로그인으로 만든 토큰이 아닙니다.',
  },
  federatedTaken: {
    en: 'Another user is already {uniqueId} at {idp}.',
    ko: '{idp}에서 {uniqueId}인 다른 사용자가 이미 있습니다.',
  },
});
