// What the configuration says to people.

import { texts } from '#/platform/text/text.ts';

export const configTexts = texts('config', {
  unreadable: {
    en: 'The configuration file {file} cannot be read: {reason}.',
    ko: '설정 파일 {file}을(를) 읽을 수 없습니다: {reason}.',
  },
  notMapping: {
    en: 'The configuration file {file} must hold lines of the form "option: value".',
    ko: '설정 파일 {file}은(는) "옵션: 값" 형식의 줄로 되어 있어야 합니다.',
  },
  unknown: {
    en: 'There is no option {option} (in {source}). Remove it; docs/configuration.md lists all options.',
    ko: '{option} 옵션은 없습니다({source}). 삭제하십시오. 모든 옵션은 docs/configuration.ko.md에 있습니다.',
  },
  unknownNear: {
    en: 'There is no option {option} (in {source}). Did you mean {near}?',
    ko: '{option} 옵션은 없습니다({source}). {near}을(를) 쓰려던 것입니까?',
  },
  wrong: {
    en: '{option} is {value} (in {source}), but must be {expected}.',
    ko: '{option}의 값이 {value}입니다({source}). 올바른 값: {expected}.',
  },
});

/** What a value must be, in words. */
export const expectedTexts = texts('config.expected', {
  integer: { en: 'a whole number from {minimum} to {maximum}', ko: '{minimum}부터 {maximum}까지의 정수' },
  number: { en: 'a number from {minimum} to {maximum}', ko: '{minimum}부터 {maximum}까지의 수' },
  boolean: { en: 'true or false', ko: 'true 또는 false' },
  oneOf: { en: 'one of {values}', ko: '{values} 가운데 하나' },
  text: { en: 'a text of {minimum} to {maximum} characters', ko: '{minimum}~{maximum}자의 글' },
  textLike: { en: 'a text such as {example}', ko: '{example}와(과) 같은 형식의 글' },
  listLike: { en: 'a list of texts such as [{example}]', ko: '[{example}]와(과) 같은 목록' },
  mapping: { en: 'a mapping of quota names to numbers', ko: '할당량 이름과 수를 짝지은 목록' },
  orEmpty: { en: '{expected}, or nothing', ko: '{expected} 또는 빈 값' },
});
