// What the database says to people when it cannot do its work.

import { texts } from '#/platform/text/text.ts';

export const databaseTexts = texts('database', {
  lost: {
    en: 'The database cannot be reached at the moment. Nothing was changed; try again shortly.',
    ko: '지금은 데이터베이스에 연결할 수 없습니다. 변경된 것은 없으니 잠시 후 다시 시도하십시오.',
  },
  unknown: {
    en: 'The database went away while the change was being saved. It may have been saved: look at its state before trying again.',
    ko: '변경 내용을 저장하는 중에 데이터베이스 연결이 끊겼습니다. 저장되었을 수 있으니 상태를 확인한 뒤 다시 시도하십시오.',
  },
  busy: {
    en: 'Too many changes of the same things are being made at the same time. Nothing was changed; try again shortly.',
    ko: '같은 대상에 대한 변경이 동시에 너무 많이 요청되었습니다. 변경된 것은 없으니 잠시 후 다시 시도하십시오.',
  },
  notEmpty: {
    en: 'The other database holds tables that are not a copy of this cloud. Give it an empty database.',
    ko: '다른 데이터베이스에 이 클라우드의 사본이 아닌 테이블이 있습니다. 빈 데이터베이스를 지정하십시오.',
  },
  different: {
    en: 'The table {table} has {here} rows here and {there} there, or their content differs. Nothing was changed.',
    ko: '테이블 {table}의 행이 여기는 {here}개, 저쪽은 {there}개이거나 내용이 다릅니다. 변경된 것은 없습니다.',
  },
  notText: {
    en: 'A text holds the character U+0000, which cannot be stored.',
    ko: '텍스트에 저장할 수 없는 문자 U+0000이 들어 있습니다.',
  },
});
