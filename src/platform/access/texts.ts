// What access control says to people.

import { texts } from '#/platform/text/text.ts';

export const policyTexts = texts('policy', {
  badRule: {
    en: 'Policy rule {name} cannot be read: {reason}. The rule is: {rule}',
    ko: '정책 규칙 {name}을(를) 읽을 수 없습니다({reason}). 규칙: {rule}',
  },
  unknownReference: {
    en: 'Policy rule {name} refers to rule:{reference}, which does not exist. {hint}',
    ko: '정책 규칙 {name}이(가) 존재하지 않는 rule:{reference}을(를) 참조합니다. {hint}',
  },
  didYouMean: { en: 'Did you mean {near}?', ko: '{near}을(를) 쓰려던 것입니까?' },
  defineIt: {
    en: 'Define it in the policy file or correct the name.',
    ko: '정책 파일에 정의하거나 이름을 고치십시오.',
  },
  unknownKind: {
    en: 'Policy rule {name} uses the check "{kind}:", which asks another system and is not available here. Write the rule without it.',
    ko: '정책 규칙 {name}의 검사 "{kind}:"는 외부 시스템에 묻는 검사로 여기서는 쓸 수 없습니다. 이 검사 없이 규칙을 작성하십시오.',
  },
  badFile: {
    en: 'Policy file {file} cannot be used: {reason}. It must be a YAML or JSON mapping of rule names to rules.',
    ko: '정책 파일 {file}을(를) 사용할 수 없습니다: {reason}. 규칙 이름과 규칙을 짝지은 YAML 또는 JSON이어야 합니다.',
  },
  allowed: { en: '{name} is allowed by: {part}', ko: '{name}: 다음 규칙에 따라 허용됩니다: {part}' },
  refused: {
    en: '{name} needs {rule}. Not true for this caller: {part}',
    ko: '{name}에는 {rule} 조건이 필요합니다. 이 호출자에게 맞지 않는 조건: {part}',
  },
  noSuchRule: {
    en: 'There is no policy rule {name}, so it is refused.',
    ko: '정책 규칙 {name}이(가) 없으므로 거부됩니다.',
  },
  cyclic: {
    en: 'The policy rule {name} refers to itself ({part}) and therefore refuses everybody. Correct the policy file.',
    ko: '정책 규칙 {name}이(가) 자기 자신을 참조하여({part}) 모두 거부됩니다. 정책 파일을 고치십시오.',
  },
  wrongScope: {
    en: '{name} is for tokens scoped to {scopes}; this one is scoped to {scope}.',
    ko: '{name}에는 {scopes} 범위의 토큰이 필요하지만, 이 토큰의 범위는 {scope}입니다.',
  },
});

export const keyTexts = texts('keys', {
  badKey: {
    en: '{file} is not a Fernet key (32 bytes in base64url). Restore it from a backup, or remove it: what it encrypted is then lost.',
    ko: '{file}은(는) Fernet 키(base64url로 쓴 32바이트)가 아닙니다. 백업에서 복구하거나 삭제하십시오. 삭제하면 이 키로 암호화한 내용은 읽을 수 없습니다.',
  },
  badJwsKey: {
    en: '{file} is not a key for ES256 (a P-256 key in PEM). Restore it from a backup, or remove it: tokens that it signed are then refused.',
    ko: '{file}은(는) ES256 키(PEM 형식의 P-256 키)가 아닙니다. 백업에서 복구하거나 삭제하십시오. 삭제하면 이 키로 서명한 토큰은 거절됩니다.',
  },
  keptElsewhere: {
    en: "The keys are kept on the cloud's first machine; rotate them there.",
    ko: '키는 클라우드의 첫 컴퓨터에 있습니다. 그 컴퓨터에서 교체하십시오.',
  },
  noKeys: {
    en: 'There are no Fernet keys in {directory}. Restore the directory from a backup.',
    ko: '{directory}에 Fernet 키가 없습니다. 백업에서 디렉터리를 복구하십시오.',
  },
});
