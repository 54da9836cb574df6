// What the bus says to people.

import { texts } from '#/platform/text/text.ts';

export const busTexts = texts('bus', {
  timeout: {
    en: 'No answer to {subject} came within {timeoutMs} ms. The work may still finish; look at its state before trying again.',
    ko: '{subject} 요청에 대한 응답이 {timeoutMs}밀리초 안에 오지 않았습니다. 작업이 계속 진행 중일 수 있으니 상태를 확인한 뒤 다시 시도하십시오.',
  },
  noResponder: {
    en: 'Nothing answers {subject} at the moment: the host or process that does is not connected. Try again shortly.',
    ko: '지금은 {subject}에 응답하는 곳이 없습니다. 담당 호스트나 프로세스가 연결되어 있지 않습니다. 잠시 후 다시 시도하십시오.',
  },
  disconnected: {
    en: 'The connection was lost before {subject} was answered. The work may have been done; look at its state before trying again.',
    ko: '{subject} 요청에 응답이 오기 전에 연결이 끊겼습니다. 작업이 완료되었을 수 있으니 상태를 확인한 뒤 다시 시도하십시오.',
  },
  closed: {
    en: 'This process is stopping and no longer waits for {subject}.',
    ko: '이 프로세스가 종료되는 중이라 {subject} 응답을 더 이상 기다리지 않습니다.',
  },
  tooLarge: {
    en: 'The message on {subject} has {bytes} bytes; at most {limit} are allowed.',
    ko: '{subject} 메시지의 크기가 {bytes}바이트입니다. 최대 {limit}바이트까지 허용됩니다.',
  },
  badSubject: {
    en: '"{subject}" is no subject: use tokens of letters, digits, "-", "_" or ":" with dots between them.',
    ko: '"{subject}"은(는) 올바른 주제가 아닙니다. 문자, 숫자, "-", "_", ":"로 된 토큰을 점으로 구분하십시오.',
  },
});
