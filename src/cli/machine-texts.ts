// What `invite`, `join` and `hosts` say.

import { texts } from '#/platform/text/text.ts';

export const machineHelp = texts('cli.machineHelp', {
  invite: {
    en: 'print a token with which another machine joins this cloud, once',
    ko: '다른 컴퓨터가 이 클라우드에 한 번 합류할 수 있는 토큰을 출력합니다',
  },
  inviteRoles: {
    en: 'what it may be: host, api, worker, with commas (default: host)',
    ko: '맡길 역할: host, api, worker를 쉼표로 적습니다(기본: host)',
  },
  lifetime: {
    en: 'how long the token is good: 90s, 10m, 1h, 7d (default: 1h)',
    ko: '토큰의 유효 시간: 90s, 10m, 1h, 7d(기본: 1h)',
  },
  rejoin: {
    en: 'for a machine that has joined before: its certificate of then is worth nothing once it has',
    ko: '전에 합류한 컴퓨터를 위한 토큰. 다시 합류하면 이전 인증서는 쓸 수 없습니다',
  },
  listInvitations: { en: 'list the invitations that are still good', ko: '아직 유효한 초대를 보여 줍니다' },
  revoke: { en: 'make an invitation worthless', ko: '초대를 취소합니다' },
  join: {
    en: 'make this machine part of the cloud that "haneul invite" printed the token of',
    ko: '"haneul invite"가 토큰을 출력한 클라우드에 이 컴퓨터를 합류시킵니다',
  },
  token: { en: 'what "haneul invite" printed', ko: '"haneul invite"가 출력한 토큰' },
  joinRoles: {
    en: 'what this machine runs: host, api, worker (default: host)',
    ko: '이 컴퓨터가 맡을 역할: host, api, worker(기본: host)',
  },
  name: {
    en: 'its name in the cloud (default: the name of the machine)',
    ko: '클라우드에서 쓸 이름(기본: 컴퓨터 이름)',
  },
  offers: {
    en: 'what the host offers: compute, network, storage, with commas (default: all)',
    ko: '호스트가 제공할 것: compute, network, storage를 쉼표로 적습니다(기본: 모두)',
  },
  address: {
    en: 'the address by which the others reach it (default: the one it reaches the cloud from)',
    ko: '다른 컴퓨터가 접속할 주소(기본: 클라우드에 접속할 때 쓰는 주소)',
  },
  tunnelAddress: {
    en: 'its address for traffic between guests on different hosts (default: the address above)',
    ko: '서로 다른 호스트의 게스트 사이의 통신에 쓸 주소(기본: 위의 주소)',
  },
  hosts: {
    en: 'the machines of the cloud: list, disable, enable, drain, remove',
    ko: '클라우드의 컴퓨터: list, disable, enable, drain, remove',
  },
  hostsAction: {
    en: 'list (default), disable, enable, drain or remove',
    ko: 'list(기본), disable, enable, drain, remove',
  },
  hostsName: { en: 'the host', ko: '호스트 이름' },
  reason: { en: 'why it is taken out of use', ko: '사용을 중지하는 이유' },
});

export const machineTexts = texts('cli.machine', {
  hostOf: {
    en: 'This machine is the host {name} of the cloud at {server} and offers {offers}.',
    ko: '이 컴퓨터는 {server} 클라우드의 호스트 {name}이며 {offers}을(를) 제공합니다.',
  },
  joinWith: {
    en: 'On the other machine, as root, until {expires} UTC:',
    ko: '다른 컴퓨터에서 root로, {expires} UTC까지 실행하십시오:',
  },
  noInvitations: { en: 'No invitation is good now.', ko: '지금 유효한 초대가 없습니다.' },
  revoked: { en: 'The invitation is worth nothing any more.', ko: '초대를 취소했습니다.' },
  badLifetime: {
    en: '--lifetime must be a number with s, m, h or d, from 10s to 7d; it is "{value}".',
    ko: '--lifetime은 10s부터 7d까지 s, m, h, d를 붙인 수여야 합니다. 지금은 "{value}"입니다.',
  },
  badWord: {
    en: '{option} may hold {allowed}, with commas; not "{word}".',
    ko: '{option}에는 {allowed}을(를) 쉼표로 적을 수 있습니다. "{word}"은(는) 쓸 수 없습니다.',
  },
  badName: {
    en: 'A host cannot be called "{name}": letters, digits, dots, hyphens and underscores, at most 63, are good. Choose one with --name.',
    ko: '"{name}"은(는) 호스트 이름으로 쓸 수 없습니다. 영문자, 숫자, 점, 하이픈, 밑줄로 63자까지 쓸 수 있습니다. --name으로 정하십시오.',
  },
  badAddress: {
    en: '{option} must be an IP address; it is "{value}".',
    ko: '{option}은(는) IP 주소여야 합니다. 지금은 "{value}"입니다.',
  },
  alreadyCloud: {
    en: '{directory} holds a cloud of its own. Join with another directory (--data), or remove that cloud first: ./haneul destroy',
    ko: '{directory}에 이미 클라우드가 있습니다. 다른 디렉터리로 합류하거나(--data) 그 클라우드를 먼저 삭제하십시오: ./haneul destroy',
  },
  joining: { en: 'Joining the cloud at {server}', ko: '{server} 클라우드에 합류' },
  badAction: {
    en: 'hosts knows list, disable, enable, drain and remove; not "{word}".',
    ko: 'hosts는 list, disable, enable, drain, remove를 압니다. "{word}"은(는) 없습니다.',
  },
  needsName: {
    en: 'Say which host: ./haneul hosts {action} NAME',
    ko: '호스트를 정하십시오: ./haneul hosts {action} NAME',
  },
  nameHead: { en: 'Host', ko: '호스트' },
  addressHead: { en: 'Address', ko: '주소' },
  rolesHead: { en: 'Roles', ko: '역할' },
  offersHead: { en: 'Offers', ko: '제공' },
  stateHead: { en: 'State', ko: '상태' },
  serversHead: { en: 'Servers', ko: '서버' },
  volumesHead: { en: 'Volumes', ko: '볼륨' },
  versionHead: { en: 'Version', ko: '버전' },
  up: { en: 'up', ko: '작동' },
  down: { en: 'down since {since}', ko: '{since}부터 중단' },
  disabled: { en: 'disabled', ko: '사용 중지' },
  disabledBecause: { en: 'disabled: {reason}', ko: '사용 중지: {reason}' },
  nowDisabled: {
    en: 'Nothing new is put on {name}. What is there stays.',
    ko: '{name}에 새로 배치하지 않습니다. 있는 것은 그대로 둡니다.',
  },
  nowEnabled: { en: '{name} is used again.', ko: '{name}을(를) 다시 사용합니다.' },
  moved: { en: '{server} has moved; {left} left.', ko: '{server}을(를) 옮겼습니다. {left}개 남았습니다.' },
  notMoved: { en: '{server} ({id}) stays: {message}', ko: '{server} ({id})은(는) 그대로입니다: {message}' },
  cameBack: {
    en: '{problem} More: ./haneul operations --all --resource {id}',
    ko: '{problem} 자세히: ./haneul operations --all --resource {id}',
  },
  drained: { en: '{name} holds no servers any more.', ko: '{name}에 더 이상 서버가 없습니다.' },
  drainedPartly: {
    en: '{count} servers could not be moved away from {name}.',
    ko: '{name}에서 서버 {count}개를 옮기지 못했습니다.',
  },
  removed: {
    en: '{name} does not belong to the cloud any more, and its certificate is worth nothing. On that machine: ./haneul destroy',
    ko: '{name}은(는) 더 이상 클라우드에 속하지 않으며 인증서도 쓸 수 없습니다. 그 컴퓨터에서 실행하십시오: ./haneul destroy',
  },
});
