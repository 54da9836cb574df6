// Sentences of the identity service.

import { texts } from '#/platform/text/text.ts';

export const identityTexts = texts('identity', {
  notFound: { en: 'Could not find {what}: {id}.', ko: '{what}을(를) 찾을 수 없습니다: {id}.' },
  noToken: { en: 'Could not find token.', ko: '토큰을 찾을 수 없습니다.' },
  pkiGone: {
    en: 'This API is no longer there: PKI tokens are not supported.',
    ko: '더 이상 제공하지 않는 API입니다. PKI 토큰은 지원하지 않습니다.',
  },
  noSubject: { en: 'The header X-Subject-Token is missing.', ko: 'X-Subject-Token 헤더가 없습니다.' },
  duplicate: {
    en: 'Conflict occurred attempting to store {what}: there is already one named {name}.',
    ko: '{what}을(를) 저장하지 못했습니다. 이름이 {name}인 항목이 이미 있습니다.',
  },
  duplicateId: { en: 'There is already {what} with the id {id}.', ko: 'ID가 {id}인 {what}이(가) 이미 있습니다.' },
  unauthorized: { en: 'The request you have made requires authentication.', ko: '인증이 필요한 요청입니다.' },
  noScope: {
    en: 'The request you have made requires authentication. The user has no access to that scope.',
    ko: '인증이 필요한 요청입니다. 이 사용자는 그 범위에 접근할 수 없습니다.',
  },
  noReceipt: { en: 'Could not find auth receipt.', ko: '인증 영수증을 찾을 수 없습니다.' },
  unknownMethod: {
    en: 'Attempted to authenticate with an unsupported method: {method}. Supported: {methods}.',
    ko: '지원하지 않는 인증 방법입니다: {method}. 지원하는 방법: {methods}.',
  },
  noMethodData: {
    en: 'The request names the method {method} without the data that it needs.',
    ko: '{method} 방법에 필요한 정보가 요청에 없습니다.',
  },
  needsUser: { en: 'Expecting to find the user by id or by name.', ko: '사용자를 ID나 이름으로 지정해야 합니다.' },
  tokenRescope: {
    en: 'A token made by {method} cannot be exchanged for one of another scope.',
    ko: '{method}(으)로 만든 토큰은 다른 범위의 토큰으로 바꿀 수 없습니다.',
  },
  manyScopes: { en: 'Give one scope, not several: {scopes}.', ko: '범위는 하나만 지정하십시오: {scopes}.' },
  needsDomain: {
    en: 'Expecting to find the domain by id or by name.',
    ko: '도메인을 ID나 이름으로 지정해야 합니다.',
  },
  domainFixed: { en: 'The domain of {what} cannot be changed.', ko: '{what}의 도메인은 바꿀 수 없습니다.' },
  parentFixed: { en: 'The parent of a project cannot be changed.', ko: '프로젝트의 상위 항목은 바꿀 수 없습니다.' },
  isDomainFixed: { en: 'is_domain cannot be changed.', ko: 'is_domain은 바꿀 수 없습니다.' },
  parentOtherDomain: {
    en: 'The parent project is in another domain than {domain}.',
    ko: '상위 프로젝트가 {domain}과(와) 다른 도메인에 있습니다.',
  },
  parentDisabled: {
    en: 'The parent {id} is disabled.',
    ko: '상위 항목 {id}이(가) 비활성화되어 있습니다.',
  },
  domainHasParent: {
    en: 'A project that is a domain has neither parent nor domain.',
    ko: '도메인인 프로젝트에는 상위 항목도 도메인도 없습니다.',
  },
  tooDeep: { en: 'Projects may be nested {limit} levels deep.', ko: '프로젝트는 {limit}단계까지 중첩할 수 있습니다.' },
  hasChildren: {
    en: 'Project {id} has projects below it; delete them first.',
    ko: '프로젝트 {id} 아래에 프로젝트가 있습니다. 먼저 삭제하십시오.',
  },
  childrenEnabled: {
    en: 'Project {id} has enabled projects below it; disable them first.',
    ko: '프로젝트 {id} 아래에 활성화된 프로젝트가 있습니다. 먼저 비활성화하십시오.',
  },
  domainEnabled: {
    en: 'Cannot delete domain {id} while it is enabled; disable it first.',
    ko: '활성화된 도메인 {id}은(는) 삭제할 수 없습니다. 먼저 비활성화하십시오.',
  },
  defaultDomain: {
    en: 'The default domain cannot be deleted or disabled.',
    ko: '기본 도메인은 삭제하거나 비활성화할 수 없습니다.',
  },
  immutable: {
    en: '{what} {id} is immutable; set its option `immutable` to false first.',
    ko: '{what} {id}은(는) 변경할 수 없도록 설정되어 있습니다. 먼저 immutable 옵션을 false로 바꾸십시오.',
  },
  badTag: {
    en: 'The tag {tag} is too long, has a comma or slash, or is one too many (80).',
    ko: '태그 {tag}이(가) 너무 길거나, 쉼표나 빗금이 있거나, 개수 한도(80개)를 넘습니다.',
  },
  exclusiveQuery: { en: '{a} and {b} cannot be given together.', ko: '{a}과(와) {b}은(는) 함께 지정할 수 없습니다.' },
  passwordExpired: {
    en: 'The password is expired and needs to be changed for user: {user}.',
    ko: '비밀번호가 만료되어 바꾸어야 합니다. 사용자: {user}.',
  },
  passwordTooYoung: {
    en: 'The password was changed too recently; it can be changed again in {days} days.',
    ko: '비밀번호를 바꾼 지 얼마 되지 않았습니다. {days}일 뒤에 다시 바꿀 수 있습니다.',
  },
  passwordReused: {
    en: 'The new password is one of the last {count}; choose another.',
    ko: '최근에 쓴 비밀번호 {count}개 중 하나입니다. 다른 것을 고르십시오.',
  },
  weakPassword: {
    en: 'The password does not meet the requirements: {demand}.',
    ko: '비밀번호가 요구 조건에 맞지 않습니다: {demand}.',
  },
  badOption: {
    en: 'The option {option} cannot have that value.',
    ko: '옵션 {option}에 쓸 수 없는 값입니다.',
  },
  samePassword: {
    en: 'The new password is the same as the original one.',
    ko: '새 비밀번호가 기존 비밀번호와 같습니다.',
  },
  passwordLocked: {
    en: 'The password of this user cannot be changed by the user.',
    ko: '이 사용자는 자신의 비밀번호를 바꿀 수 없습니다.',
  },
  domainAsDefault: {
    en: 'The default project {id} is a domain.',
    ko: '기본 프로젝트 {id}은(는) 도메인입니다.',
  },
  roleNotGranted: {
    en: 'Could not find role assignment with role: {role}.',
    ko: '역할 할당을 찾을 수 없습니다: {role}.',
  },
  domainRole: {
    en: 'Role {role} belongs to another domain and cannot be assigned here.',
    ko: '역할 {role}은(는) 다른 도메인에 속하므로 여기에 할당할 수 없습니다.',
  },
  systemDomainRole: {
    en: 'Role {role} belongs to a domain and cannot be assigned on the system.',
    ko: '역할 {role}은(는) 도메인에 속하므로 시스템에 할당할 수 없습니다.',
  },
  rootRole: {
    en: 'Role {role} cannot be implied by another role.',
    ko: '역할 {role}은(는) 다른 역할에 포함될 수 없습니다.',
  },
  domainRoleImplied: {
    en: 'A global role cannot imply the role {role} of a domain.',
    ko: '전역 역할은 도메인의 역할 {role}을(를) 포함할 수 없습니다.',
  },
  badFilters: { en: 'These filters do not go together: {filters}.', ko: '함께 쓸 수 없는 필터입니다: {filters}.' },
  subtreeNeedsProject: {
    en: 'include_subtree needs scope.project.id.',
    ko: 'include_subtree에는 scope.project.id가 필요합니다.',
  },
  badUrl: { en: 'The endpoint URL {url} is malformed.', ko: '엔드포인트 URL {url}의 형식이 잘못되었습니다.' },
  regionHasChildren: {
    en: 'Region {id} has regions or endpoints; delete them first.',
    ko: '리전 {id}에 하위 리전이나 엔드포인트가 있습니다. 먼저 삭제하십시오.',
  },
  regionCycle: { en: 'A region cannot be below itself.', ko: '리전은 자기 자신의 하위 리전이 될 수 없습니다.' },
  idMismatch: { en: 'The id in the body is not that of the URL.', ko: '본문의 ID가 URL의 ID와 다릅니다.' },
  badBlob: {
    en: 'The blob of an ec2 credential must be JSON with access and secret.',
    ko: 'ec2 자격 증명의 blob은 access와 secret이 있는 JSON이어야 합니다.',
  },
  needsProject: {
    en: 'A credential of type ec2 needs a project_id.',
    ko: 'ec2 유형의 자격 증명에는 project_id가 필요합니다.',
  },
  credentialFixed: {
    en: '{what} of a credential cannot be changed so.',
    ko: '자격 증명의 {what}은(는) 그렇게 바꿀 수 없습니다.',
  },
  needsScope: { en: 'This needs a token that is scoped.', ko: '범위가 지정된 토큰이 필요합니다.' },
  needsProjectScope: {
    en: 'This needs a token that is scoped to a project.',
    ko: '프로젝트 범위의 토큰이 필요합니다.',
  },
  restricted: {
    en: 'This token was made by delegation and cannot manage what delegates: {what}.',
    ko: '위임으로 만든 토큰으로는 위임 수단을 관리할 수 없습니다: {what}.',
  },
  roleNotHeld: {
    en: 'The role {role} cannot be delegated: you do not hold it there.',
    ko: '가지고 있지 않은 역할 {role}은(는) 위임할 수 없습니다.',
  },
  expiresPast: { en: 'expires_at must be a time in the future.', ko: 'expires_at은 미래의 시각이어야 합니다.' },
  badTime: { en: '{value} is not a time in ISO 8601.', ko: '{value}은(는) ISO 8601 형식의 시각이 아닙니다.' },
  trustUses: {
    en: 'remaining_uses must be null or a positive number, and null for a trust that can be redelegated.',
    ko: 'remaining_uses는 null이거나 양수여야 하며, 재위임할 수 있는 신탁에서는 null이어야 합니다.',
  },
  trustRedelegation: {
    en: 'The trust cannot be redelegated that far or to these roles.',
    ko: '신탁을 그만큼 또는 그 역할로 재위임할 수 없습니다.',
  },
  trustScope: { en: 'A trust with roles needs a project.', ko: '역할이 있는 신탁에는 프로젝트가 필요합니다.' },
  consumerSecret: { en: 'The secret of a consumer cannot be changed.', ko: '컨슈머의 secret은 바꿀 수 없습니다.' },
  keysElsewhere: {
    en: 'The keys are kept on the first machine of the cloud; rotate them there.',
    ko: '키는 클라우드의 첫 컴퓨터에 있습니다. 그곳에서 교체하십시오.',
  },
  keysNotYet: {
    en: 'This machine does not have the newest keys yet.',
    ko: '이 컴퓨터는 아직 가장 새로운 키를 받지 못했습니다.',
  },
  oauthParameter: { en: 'The parameter {name} is required.', ko: '매개변수 {name}이(가) 필요합니다.' },
  oauthGrant: {
    en: 'The grant type {grant} is not supported; use client_credentials.',
    ko: '지원하지 않는 grant type입니다: {grant}. client_credentials를 쓰십시오.',
  },
  oauthClient: { en: 'Client authentication failed.', ko: '클라이언트 인증에 실패했습니다.' },
  ruleParts: {
    en: 'An access rule needs service, path and method, or the id of an existing one.',
    ko: '접근 규칙에는 service, path, method 또는 기존 규칙의 ID가 필요합니다.',
  },
  ruleInUse: {
    en: 'Access rule {id} is used by an application credential.',
    ko: '접근 규칙 {id}을(를) 사용하는 애플리케이션 자격 증명이 있습니다.',
  },
  accessRules: {
    en: 'The access rules of this application credential do not cover {method} {path}.',
    ko: '이 애플리케이션 자격 증명의 접근 규칙은 {method} {path}을(를) 허용하지 않습니다.',
  },
  limitUnregistered: {
    en: 'There is no registered limit for {resource} of service {service}.',
    ko: '서비스 {service}의 {resource}에 등록된 제한이 없습니다.',
  },
  limitInUse: {
    en: 'Registered limit {id} is overridden by limits.',
    ko: '등록된 제한 {id}을(를) 재정의하는 제한이 있습니다.',
  },
  limitOneScope: {
    en: 'A limit is for either a project or a domain.',
    ko: '제한은 프로젝트와 도메인 중 하나에만 지정할 수 있습니다.',
  },
  limitAboveDomain: {
    en: 'Limit {limit} of {resource} for project {project} is above that of its domain {domain}, which is {most} (-1: none).',
    ko: '프로젝트 {project}의 {resource} 제한 {limit}이(가) 도메인 {domain}의 제한 {most}보다 큽니다(-1은 제한 없음).',
  },
  complianceElsewhere: {
    en: 'What passwords must be like is told by password_regex and password_regex_description of domain {domain}, for all domains.',
    ko: '비밀번호의 조건은 도메인 {domain}의 password_regex와 password_regex_description으로 알 수 있으며, 모든 도메인에 같습니다.',
  },
  configUnknown: {
    en: 'Option {option} of group {group} cannot be set for a domain.',
    ko: '도메인에 설정할 수 없는 옵션입니다: 그룹 {group}의 {option}.',
  },
});
