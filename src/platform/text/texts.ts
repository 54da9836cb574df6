// Sentences of the platform itself.

import { texts } from '#/platform/text/text.ts';

export const platformTexts = texts('platform', {
  noRoute: { en: 'The resource could not be found.', ko: '리소스를 찾을 수 없습니다.' },
  noMethod: {
    en: 'The method {method} is not allowed here; allowed: {allowed}.',
    ko: '여기서는 {method} 메서드를 쓸 수 없습니다. 가능한 메서드: {allowed}.',
  },
  unauthenticated: { en: 'The request you have made requires authentication.', ko: '인증이 필요한 요청입니다.' },
  forbidden: {
    en: 'You are not authorized to perform the requested action: {rule}. It takes: {needs}.',
    ko: '요청한 작업을 할 권한이 없습니다: {rule}. 필요한 조건: {needs}.',
  },
  notJson: { en: 'The request body is not valid JSON: {why}.', ko: '요청 본문이 올바른 JSON이 아닙니다: {why}.' },
  noBody: { en: 'The request needs a JSON body.', ko: 'JSON 본문이 필요한 요청입니다.' },
  bodyTooLarge: { en: 'The request body is larger than {limit} bytes.', ko: '요청 본문이 {limit}바이트를 넘습니다.' },
  bodyTooSlow: { en: 'The request body did not arrive in time.', ko: '요청 본문이 제시간에 도착하지 않았습니다.' },
  bodyCut: { en: 'The request body ended before it was complete.', ko: '요청 본문이 도중에 끊겼습니다.' },
  bodyTooDeep: {
    en: 'The request body is nested deeper than {limit} levels.',
    ko: '요청 본문이 {limit}단계보다 깊게 중첩되어 있습니다.',
  },
  bodyTooMany: { en: 'The request body has more than {limit} values.', ko: '요청 본문의 값이 {limit}개를 넘습니다.' },
  badContentType: {
    en: 'The content type {type} is not supported; send {wanted}.',
    ko: '콘텐츠 유형 {type}은(는) 지원하지 않습니다. {wanted}(으)로 보내십시오.',
  },
  invalidBody: { en: 'Invalid input for {where}: {why}.', ko: '{where}의 입력이 올바르지 않습니다: {why}.' },
  invalidQuery: {
    en: 'Invalid query parameter {where}: {why}.',
    ko: '쿼리 매개변수 {where}이(가) 올바르지 않습니다: {why}.',
  },
  invalidMarker: { en: 'The marker {marker} could not be found.', ko: '마커 {marker}을(를) 찾을 수 없습니다.' },
  unknownSortKey: {
    en: 'Cannot sort by {key}; possible keys: {keys}.',
    ko: '{key}(으)로 정렬할 수 없습니다. 가능한 키: {keys}.',
  },
  unknownAction: { en: 'There is no such action: {action}.', ko: '그런 작업은 없습니다: {action}.' },
  badVersion: {
    en: 'The version {version} is not a valid API version.',
    ko: '{version}은(는) 올바른 API 버전이 아닙니다.',
  },
  versionRange: {
    en: 'Version {version} is not supported by the API. Minimum is {min} and maximum is {max}.',
    ko: 'API가 버전 {version}을(를) 지원하지 않습니다. 최소 {min}, 최대 {max}입니다.',
  },
  unsupported: { en: '{what} is not supported by this cloud.', ko: '이 클라우드는 {what}을(를) 지원하지 않습니다.' },
  bug: {
    en: 'An unexpected error prevented the server from fulfilling your request. Its log has it under {requestId}.',
    ko: '예상하지 못한 오류로 요청을 처리하지 못했습니다. 로그에서 {requestId}(으)로 찾을 수 있습니다.',
  },
  busy: { en: 'The server is too busy; try again.', ko: '서버가 바쁩니다. 다시 시도하십시오.' },
  hostSaid: {
    en: 'Host {host} could not make {key} so: {why}',
    ko: '호스트 {host}에서 {key}을(를) 적용하지 못했습니다: {why}',
  },
  hostLate: {
    en: 'Host {host} did not report {key} within {seconds} s.',
    ko: '호스트 {host}이(가) {seconds}초 안에 {key}을(를) 보고하지 않았습니다.',
  },
  stepLate: {
    en: 'Step {step} did not end within {seconds} s.',
    ko: '{step} 단계가 {seconds}초 안에 끝나지 않았습니다.',
  },
  noSuchEntry: {
    en: 'Host {host} is no longer to hold {key}.',
    ko: '호스트 {host}은(는) 더 이상 {key}을(를) 갖지 않습니다.',
  },
  hostAway: { en: 'Host {host} does not answer.', ko: '호스트 {host}이(가) 응답하지 않습니다.' },
});
