// Sentences about metadata definitions.

import { texts } from '#/platform/text/text.ts';

export const metadefTexts = texts('metadef', {
  noNamespace: {
    en: 'Metadata definition namespace {name} is not found.',
    ko: '메타데이터 정의 네임스페이스 {name}을(를) 찾을 수 없습니다.',
  },
  noItem: {
    en: 'There is no {kind} {name} in namespace {namespace}.',
    ko: '네임스페이스 {namespace}에 {kind} {name}이(가) 없습니다.',
  },
  taken: { en: 'The name {name} is taken.', ko: '이름 {name}은(는) 이미 쓰이고 있습니다.' },
  protected: {
    en: 'Namespace {name} is protected and cannot be deleted.',
    ko: '네임스페이스 {name}은(는) 보호되어 있어 삭제할 수 없습니다.',
  },
  noType: { en: 'There is no resource type {name}.', ko: '리소스 유형 {name}이(가) 없습니다.' },
});
