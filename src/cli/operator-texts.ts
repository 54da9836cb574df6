// What `operations`, `audit` and `why` say.

import { texts } from '#/platform/text/text.ts';

export const operatorHelp = texts('cli.operatorHelp', {
  operations: {
    en: 'long work: list it, ask why it waits, have it tried at once, or end it (list, show, retry, abandon)',
    ko: '오래 걸리는 작업: 목록과 기다리는 이유를 보고, 바로 다시 시도하거나 중단합니다(list, show, retry, abandon)',
  },
  action: { en: 'list (default), show, retry or abandon', ko: 'list(기본), show, retry, abandon' },
  operationId: { en: 'the operation', ko: '작업 ID' },
  all: { en: 'also those that have ended', ko: '끝난 작업도 보여 줍니다' },
  phase: {
    en: 'only this phase: running, forward, undo, done, failed, superseded, abandoned',
    ko: '이 단계만: running, forward, undo, done, failed, superseded, abandoned',
  },
  kind: { en: 'only this kind, such as server.create', ko: 'server.create처럼 이 종류만' },
  resource: { en: 'only those of this resource', ko: '이 리소스의 작업만' },
  project: { en: 'only those of this project', ko: '이 프로젝트의 작업만' },
  limit: { en: 'at most this many', ko: '최대 개수' },
  force: {
    en: 'abandon at once, and take nothing back: what was made may stay',
    ko: '바로 중단하고 되돌리지 않습니다. 만들어진 것이 남을 수 있습니다',
  },
  audit: {
    en: 'check that rows, hosts and counts agree, and name what does not; changes nothing',
    ko: '데이터베이스와 호스트와 집계가 일치하는지 점검하고 어긋난 것을 알려 줍니다. 아무것도 바꾸지 않습니다',
  },
  atRest: {
    en: 'nothing is in motion: what is under way counts as wrong too',
    ko: '진행 중인 작업이 없다고 보고, 진행 중인 것도 잘못으로 셉니다',
  },
  migrateDatabase: {
    en: 'move the cloud from its own file to PostgreSQL, while it is down',
    ko: '클라우드가 꺼져 있는 동안 데이터를 자체 파일에서 PostgreSQL로 옮깁니다',
  },
  to: { en: 'the PostgreSQL database, as database_url', ko: 'PostgreSQL 데이터베이스(database_url 형식)' },
  why: {
    en: 'the story of one request: its log lines, operations and events',
    ko: '요청 하나의 로그, 작업, 이벤트를 시간 순서로 보여 줍니다',
  },
  policy: {
    en: 'explain whether a user may do something, and which rule says so; list, apply or remove ready roles (bundle)',
    ko: '사용자가 어떤 일을 할 수 있는지, 어느 규칙 때문인지 설명합니다. 준비된 역할(bundle)을 보고 적용하고 제거합니다',
  },
  keys: {
    en: 'rotate the keys that tokens are encrypted or signed with; tokens live on through one rotation',
    ko: '토큰을 암호화하거나 서명하는 키를 교체합니다. 토큰은 한 번의 교체까지 유효합니다',
  },
  keysCredentials: {
    en: 'instead, those that stored secrets (credentials, OAuth, federation, LDAP) are encrypted with; all is encrypted anew',
    ko: '대신 저장된 비밀(자격 증명, OAuth, 연합, LDAP)을 암호화하는 키를 교체하고 모두 다시 암호화합니다',
  },
  keysWord: { en: 'rotate', ko: 'rotate' },
  policyWord: { en: 'explain or bundle', ko: 'explain, bundle' },
  policyUser: {
    en: 'the user, by id or name; of bundles: list, apply or remove',
    ko: '사용자의 ID나 이름. bundle에는 list, apply, remove',
  },
  policyAction: {
    en: 'a rule such as volume:create, or a call such as "POST /volume/v3/x/volumes"; of bundles: its name',
    ko: 'volume:create 같은 규칙이나 "POST /volume/v3/x/volumes" 같은 호출. bundle에는 그 이름',
  },
  policyTarget: {
    en: 'on what, such as project_id=…,user_id=…; by default what is their own',
    ko: 'project_id=…,user_id=…처럼 대상을 지정합니다. 기본은 자신의 것입니다',
  },
  policyProject: { en: 'in this project, by id or name', ko: '이 프로젝트에서(ID나 이름)' },
  policyDomain: { en: 'with a token of this domain', ko: '이 도메인의 토큰으로' },
  policySystem: { en: 'with a token of the system', ko: '시스템 토큰으로' },
  requestId: { en: 'the request, as in X-Openstack-Request-Id', ko: 'X-Openstack-Request-Id에 있는 요청 ID' },
});

export const operatorTexts = texts('cli.operator', {
  keysUsage: { en: 'Write "./haneul keys rotate".', ko: '"./haneul keys rotate"처럼 쓰십시오.' },
  keysRotated: {
    en: 'The keys are rotated. Rotate again no sooner than tokens live.',
    ko: '키를 교체했습니다. 토큰의 유효 시간이 지나기 전에는 다시 교체하지 마십시오.',
  },
  credentialKeysRotated: {
    en: 'The keys are rotated, and everything stored is encrypted with the new one.',
    ko: '키를 교체했고, 저장된 모든 비밀을 새 키로 암호화했습니다.',
  },
  credentialKeysRotating: {
    en: 'The keys are being rotated. "./haneul operations show {id}" says how far it is.',
    ko: '키를 교체하고 있습니다. "./haneul operations show {id}"로 진행 상황을 볼 수 있습니다.',
  },
  policyUsage: {
    en: 'Write "./haneul policy explain USER ACTION [project_id=ID,…]".',
    ko: '"./haneul policy explain 사용자 동작 [project_id=ID,…]"처럼 쓰십시오.',
  },
  bundleUsage: {
    en: 'Write "./haneul policy bundle list", "… bundle apply NAME" or "… bundle remove NAME".',
    ko: '"./haneul policy bundle list", "… bundle apply 이름", "… bundle remove 이름"처럼 쓰십시오.',
  },
  noBundle: { en: 'There is no bundle {name}; there are: {names}', ko: '{name} 묶음이 없습니다. 있는 것: {names}' },
  noImpliedRole: {
    en: 'The cloud has no role {role}, which the bundle is made of.',
    ko: '묶음에 필요한 역할 {role}이(가) 클라우드에 없습니다.',
  },
  bundleApplied: {
    en: 'The role {role} is ready, with {rules} rules changed by all applied bundles; the cloud reads them within seconds.',
    ko: '역할 {role}을(를) 쓸 수 있습니다. 적용된 묶음들이 규칙 {rules}개를 바꾸며, 클라우드가 몇 초 안에 읽습니다.',
  },
  bundleRemoved: {
    en: 'The rules of {name} are as before. The role {role} is kept; delete it when nobody has it any more.',
    ko: '{name}의 규칙을 되돌렸습니다. 역할 {role}은(는) 남아 있으므로, 쓰는 사람이 없을 때 삭제하십시오.',
  },
  policyRoles: { en: 'Roles there: {roles}', ko: '그곳에서의 역할: {roles}' },
  policyDefault: { en: 'The rule {rule}, as it comes: {definition}', ko: '규칙 {rule}(기본값): {definition}' },
  policyOverridden: {
    en: "The rule {rule}, from the operator's file: {definition}",
    ko: '규칙 {rule}(운영자 파일): {definition}',
  },
  badAction: {
    en: 'There is no "operations {word}"; there are list, show ID, retry ID and abandon ID.',
    ko: '"operations {word}"은(는) 없습니다. list, show ID, retry ID, abandon ID를 쓰십시오.',
  },
  needsId: {
    en: 'Which operation? "./haneul operations {action} ID"; "./haneul operations" lists them.',
    ko: '어느 작업입니까? "./haneul operations {action} ID"로 지정하십시오. 목록은 "./haneul operations"로 봅니다.',
  },
  none: { en: 'No operation is under way.', ko: '진행 중인 작업이 없습니다.' },
  noneFound: { en: 'There is no such operation.', ko: '조건에 맞는 작업이 없습니다.' },
  more: { en: 'There are more; see --limit.', ko: '더 있습니다. --limit을 참고하십시오.' },
  id: { en: 'id', ko: 'ID' },
  kind: { en: 'kind', ko: '종류' },
  resource: { en: 'resource', ko: '리소스' },
  project: { en: 'project', ko: '프로젝트' },
  request: { en: 'request', ko: '요청' },
  phase: { en: 'phase', ko: '상태' },
  age: { en: 'age', ko: '경과' },
  attempts: { en: 'attempts', ko: '시도 횟수' },
  waitsFor: { en: 'waits for', ko: '기다리는 것' },
  problem: { en: 'problem', ko: '문제' },
  why: { en: 'why', ko: '설명' },
  steps: { en: 'steps', ko: '단계' },
  retried: { en: 'It is tried now.', ko: '지금 다시 시도합니다.' },
  unwinding: {
    en: 'It is taken back step by step; its resource then says that it failed.',
    ko: '단계마다 되돌립니다. 끝나면 리소스에 실패로 표시됩니다.',
  },
  ended: {
    en: 'It has ended where it was. Deleting its resource clears what it left; where that still waits, retry the operation.',
    ko: '그 자리에서 끝냈습니다. 리소스를 삭제하면 남은 것이 정리됩니다. 리소스가 아직 기다리고 있다면 작업을 다시 시도하십시오.',
  },
  refusedHint: {
    en: '{message} (--force does it all the same.)',
    ko: '{message} (--force를 붙이면 그래도 중단합니다.)',
  },
  refused: { en: '{message}', ko: '{message}' },
  noAnswer: {
    en: 'The cloud does not answer ({reason}); see "./haneul status" and "./haneul logs".',
    ko: '클라우드가 응답하지 않습니다({reason}). "./haneul status"와 "./haneul logs"를 참고하십시오.',
  },
  loginRefused: {
    en: 'The administrator’s password in {file} is no longer the right one.',
    ko: '{file}에 있는 관리자 비밀번호가 더 이상 맞지 않습니다.',
  },
  copying: { en: 'Copying the database', ko: '데이터베이스를 복사하는 중' },
  copied: {
    en: '{rows} rows of {tables} tables copied and compared.',
    ko: '테이블 {tables}개의 행 {rows}개를 복사하고 비교했습니다.',
  },
  copiedBefore: {
    en: '{rows} rows of {tables} tables were there already, and are the same.',
    ko: '테이블 {tables}개의 행 {rows}개가 이미 있으며 서로 같습니다.',
  },
  migrated: {
    en: '{config} names the new database; "./haneul up" starts on it. The old file stays as it was: {file}',
    ko: '{config}에 새 데이터베이스를 적었습니다. "./haneul up"으로 시작하십시오. 이전 파일은 그대로 남아 있습니다: {file}',
  },
  databaseConfigured: {
    en: 'This cloud is on another PostgreSQL database already, as its configuration says.',
    ko: '설정에 따르면 이 클라우드는 이미 다른 PostgreSQL 데이터베이스를 쓰고 있습니다.',
  },
  noDatabase: {
    en: 'There is no database of a cloud: {file}. Is --data right?',
    ko: '클라우드의 데이터베이스가 없습니다: {file}. --data가 맞는지 확인하십시오.',
  },
  auditClean: {
    en: 'All invariants hold on {hosts, plural, one {one host} other {{hosts} hosts}}.',
    ko: '호스트 {hosts}개에서 모든 불변 조건이 지켜지고 있습니다.',
  },
  auditWrong: {
    en: '{count, plural, one {One thing is} other {{count} things are}} wrong.',
    ko: '잘못된 것이 {count}개 있습니다.',
  },
  auditPartly: {
    en: 'Nothing is wrong as far as could be seen.',
    ko: '볼 수 있는 범위에서는 잘못된 것이 없습니다.',
  },
  hostSilent: {
    en: 'Host {name} did not answer, so what it holds was not checked: {problem}',
    ko: '호스트 {name}이(가) 응답하지 않아 그 안에 있는 것을 점검하지 못했습니다: {problem}',
  },
  noStory: {
    en: 'Nothing is known of {id}: no log line, operation or event. Requests are remembered for a week, reads not at all.',
    ko: '{id}에 대한 로그, 작업, 이벤트가 없습니다. 요청은 일주일 동안 남고, 조회 요청은 남지 않습니다.',
  },
  began: { en: '{kind} {resource} begins, operation {id}', ko: '{kind} {resource} 시작, 작업 {id}' },
  operations: { en: 'Operations', ko: '작업' },
});
