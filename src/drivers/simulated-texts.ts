// What simulated hosts say when they refuse or fail.

import { texts } from '#/platform/text/text.ts';

export const simulatedTexts = texts('simulated', {
  faultInjected: {
    en: 'The simulated host failed on purpose in {call}.',
    ko: '시뮬레이션 호스트가 {call}에서 의도적으로 실패했습니다.',
  },
  noConsole: {
    en: 'Server {serverId} runs on a simulated host, which has no {kind} console.',
    ko: '서버 {serverId}은(는) 시뮬레이션 호스트에서 실행 중이며 {kind} 콘솔이 없습니다.',
  },
  noGuest: {
    en: 'The host holds no guest {serverId}.',
    ko: '호스트에 게스트 {serverId}이(가) 없습니다.',
  },
  noRootDisk: {
    en: 'Guest {serverId} has no root disk of its own.',
    ko: '게스트 {serverId}에는 자체 루트 디스크가 없습니다.',
  },
  notRunning: {
    en: 'Guest {serverId} does not run.',
    ko: '게스트 {serverId}이(가) 실행 중이 아닙니다.',
  },
  noMove: {
    en: 'Guest {serverId} is not to leave this host.',
    ko: '게스트 {serverId}은(는) 이 호스트를 떠나지 않습니다.',
  },
  noPeer: {
    en: 'Host {host} does not expect guest {serverId}.',
    ko: '호스트 {host}이(가) 게스트 {serverId}을(를) 기다리고 있지 않습니다.',
  },
  missing: {
    en: '{key} needs {needs}, which is not on the host.',
    ko: '{key}에 필요한 {needs}이(가) 호스트에 없습니다.',
  },
  noRoom: {
    en: 'The host has {freeGib} GiB left; disk {key} needs {neededGib} GiB.',
    ko: '호스트에 {freeGib}GiB가 남아 있으나 디스크 {key}에는 {neededGib}GiB가 필요합니다.',
  },
  noFilter: {
    en: 'Port {key} was to be plugged before its filter was in place.',
    ko: '필터가 적용되기 전에 포트 {key}을(를) 연결하려고 했습니다.',
  },
});
