// Sentences of the listener.

import { texts } from '#/platform/text/text.ts';

export const httpTexts = texts('http', {
  tooManyLines: {
    en: 'The request header has more than {headerLines} lines.',
    ko: '요청 헤더가 {headerLines}줄을 넘습니다.',
  },
});
