// What network drivers tell people.

import { texts } from '#/platform/text/text.ts';

export const networkDriverTexts = texts('networkDriver', {
  badKey: {
    en: 'The key {key} is not one of the network driver.',
    ko: '키 {key}은(는) 네트워크 드라이버의 키가 아닙니다.',
  },
  badValue: {
    en: 'The {field} of {key} cannot be used: {value}.',
    ko: '{key}의 {field} 값을 사용할 수 없습니다: {value}.',
  },
  noBridge: {
    en: 'The network {network} is not on this host yet, so {key} cannot be attached to it.',
    ko: '네트워크 {network}이(가) 아직 이 호스트에 없어 {key}을(를) 연결할 수 없습니다.',
  },
  noFilter: {
    en: 'The filters of this host do not hold {key} yet, so it stays down.',
    ko: '이 호스트의 필터에 아직 {key}이(가) 없어 내려간 상태로 둡니다.',
  },
  noPort: {
    en: 'The port {port} is not on this host.',
    ko: '포트 {port}이(가) 이 호스트에 없습니다.',
  },
  noTunnelAddress: {
    en: 'The network {network} reaches other hosts, but this host has no tunnel address.',
    ko: '네트워크 {network}은(는) 다른 호스트와 이어져야 하지만 이 호스트에 터널 주소가 없습니다.',
  },
  badUplink: {
    en: 'The interface {interface} cannot carry the network {network}: it is missing, or it has addresses of its own.',
    ko: '인터페이스 {interface}이(가) 네트워크 {network}을(를) 맡을 수 없습니다. 인터페이스가 없거나 자체 주소가 있습니다.',
  },
  noBridgeFilter: {
    en: 'The kernel does not filter bridged packets (br_netfilter is missing), so no guest can be isolated.',
    ko: '커널이 브리지 패킷을 걸러 내지 못해(br_netfilter 없음) 게스트를 격리할 수 없습니다.',
  },
  unreadableDirectory: {
    en: 'The DHCP server cannot reach {directory}: {parent} does not let other users pass.',
    ko: 'DHCP 서버가 {directory}에 접근할 수 없습니다: {parent}이(가) 다른 사용자의 통과를 막습니다.',
  },
  dhcpStopped: {
    en: 'The DHCP server of {key} stopped by itself.',
    ko: '{key}의 DHCP 서버가 스스로 멈췄습니다.',
  },
  dhcpNotRestarted: {
    en: 'The DHCP server of {key} stopped by itself and could not be started again: {reason}',
    ko: '{key}의 DHCP 서버가 스스로 멈췄고 다시 시작하지 못했습니다: {reason}',
  },
  listenerFailed: {
    en: 'The metadata listener of {namespace} could not be opened: {reason}',
    ko: '{namespace}의 메타데이터 수신을 열지 못했습니다: {reason}',
  },
});
