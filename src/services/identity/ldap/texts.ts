// Sentences of domains whose users are kept in a directory.

import { texts } from '#/platform/text/text.ts';

export const ldapTexts = texts('ldap', {
  readOnly: {
    en: 'The users and groups of domain {domain} are kept in an LDAP directory; change them there.',
    ko: '도메인 {domain}의 사용자와 그룹은 LDAP 디렉터리에 있습니다. 그곳에서 변경하십시오.',
  },
  away: {
    en: 'The directory of domain {domain} does not answer.',
    ko: '도메인 {domain}의 디렉터리가 응답하지 않습니다.',
  },
});
