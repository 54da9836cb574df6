// What the hypervisor drivers say to people.

import { texts } from '#/platform/text/text.ts';

export const hypervisorTexts = texts('hypervisor', {
  badKey: {
    en: '"{key}" names no {kind}: expected {kind}/<UUID>.',
    ko: '"{key}"은(는) {kind} 키가 아닙니다. {kind}/<UUID> 형식이어야 합니다.',
  },
  directoryTooLong: {
    en: 'The hypervisor directory {directory} is too long for unix sockets: at most {limit} characters are possible.',
    ko: '하이퍼바이저 디렉터리 {directory}이(가) 유닉스 소켓에 쓰기에는 너무 깁니다. 최대 {limit}자까지 쓸 수 있습니다.',
  },
  imageChecksum: {
    en: 'The bytes of image {image} are not what was stored: their SHA-512 is {actual}, expected {expected}.',
    ko: '이미지 {image}의 내용이 저장된 것과 다릅니다. SHA-512가 {actual}인데 {expected}이어야 합니다.',
  },
  imageSize: {
    en: 'Image {image} has {actual} bytes on this host, expected {expected}.',
    ko: '이 호스트에 있는 이미지 {image}의 크기는 {actual}바이트인데 {expected}바이트여야 합니다.',
  },
  imageFormat: {
    en: 'Image {image} cannot be used as {format}: {reason}.',
    ko: '이미지 {image}을(를) {format} 형식으로 쓸 수 없습니다: {reason}.',
  },
  imageMissing: { en: 'Image {image} is not on this host.', ko: '이미지 {image}이(가) 이 호스트에 없습니다.' },
  imageInUse: {
    en: 'Image {image} is still the base of a disk of server {server}.',
    ko: '이미지 {image}은(는) 아직 서버 {server}의 디스크가 쓰고 있습니다.',
  },
  imageSource: {
    en: 'Image {image} has no bytes that this host can read.',
    ko: '이미지 {image}에는 이 호스트가 읽을 수 있는 내용이 없습니다.',
  },
  imageNotFetched: {
    en: 'Image {image} could not be fetched from the cloud ({reason}). It is tried again.',
    ko: '클라우드에서 이미지 {image}을(를) 가져오지 못했습니다({reason}). 다시 시도합니다.',
  },
  rootTooSmall: {
    en: 'The root disk of {sizeGib} GiB is smaller than its image, which needs {needBytes} bytes.',
    ko: '{sizeGib}GiB 루트 디스크가 이미지에 필요한 {needBytes}바이트보다 작습니다.',
  },
  noBootDisk: {
    en: 'Server {server} has neither a root disk nor a volume to boot from.',
    ko: '서버 {server}에는 루트 디스크도, 부팅할 볼륨도 없습니다.',
  },
  noFirmware: {
    en: 'This host has no UEFI firmware: install the package ovmf, or use BIOS.',
    ko: '이 호스트에는 UEFI 펌웨어가 없습니다. ovmf 패키지를 설치하거나 BIOS를 쓰십시오.',
  },
  startFailed: {
    en: 'The guest of server {server} did not start: {reason}',
    ko: '서버 {server}의 게스트가 시작되지 않았습니다: {reason}',
  },
  notRunning: { en: 'Server {server} does not run.', ko: '서버 {server}이(가) 실행 중이 아닙니다.' },
  guestMissing: { en: 'Server {server} is not on this host.', ko: '서버 {server}이(가) 이 호스트에 없습니다.' },
  notAnswering: {
    en: 'The guest process of server {server} runs but does not answer.',
    ko: '서버 {server}의 게스트 프로세스가 실행 중이지만 응답하지 않습니다.',
  },
  noSlot: {
    en: 'Server {server} has no free slot for another device; {limit} disks and ports are possible.',
    ko: '서버 {server}에 장치를 더 꽂을 자리가 없습니다. 디스크와 포트를 합해 {limit}개까지 쓸 수 있습니다.',
  },
  notReleased: {
    en: 'The operating system of server {server} did not release {device} within {seconds} seconds. It may still be booting, or the device is in use.',
    ko: '서버 {server}의 운영체제가 {seconds}초 안에 {device}을(를) 놓아주지 않았습니다. 아직 부팅 중이거나 장치가 사용 중일 수 있습니다.',
  },
  plugFailed: {
    en: '{device} could not be attached to server {server}: {reason}',
    ko: '{device}을(를) 서버 {server}에 연결하지 못했습니다: {reason}',
  },
  coldBus: {
    en: 'Disks on the {bus} bus cannot be attached or detached while server {server} runs.',
    ko: '서버 {server}이(가) 실행 중일 때는 {bus} 버스의 디스크를 연결하거나 분리할 수 없습니다.',
  },
  tooManyDisks: {
    en: 'Server {server} has more disks than the {bus} bus holds ({limit}).',
    ko: '서버 {server}의 디스크가 {bus} 버스에 꽂을 수 있는 수({limit})보다 많습니다.',
  },
  foreignConnection: {
    en: 'Volume {volume} is served in a way ({kind}) that QEMU does not understand.',
    ko: '볼륨 {volume}은(는) QEMU가 이해하지 못하는 방식({kind})으로 제공됩니다.',
  },
  volumeAway: {
    en: 'Volume {volume} is on host {host}, which does not give it: {reason}',
    ko: '볼륨 {volume}을(를) 가진 호스트 {host}이(가) 볼륨을 제공하지 않습니다: {reason}',
  },
  noChannel: {
    en: 'Guest {server} cannot move: this host has no certificate with which it could talk to other hosts.',
    ko: '게스트 {server}을(를) 옮길 수 없습니다. 이 호스트에는 다른 호스트와 통신할 인증서가 없습니다.',
  },
  sendingFailed: { en: 'Sending the guest failed: {reason}.', ko: '게스트를 보내지 못했습니다: {reason}.' },
  stopped: { en: 'It was stopped.', ko: '중단되었습니다.' },
  notLeaving: {
    en: 'Guest {server} is not to leave this host.',
    ko: '게스트 {server}은(는) 이 호스트를 떠나지 않습니다.',
  },
  notArrived: {
    en: 'Guest {server} has not come over completely.',
    ko: '게스트 {server}이(가) 아직 완전히 옮겨지지 않았습니다.',
  },
  agentRestarted: {
    en: 'the agent was restarted meanwhile',
    ko: '그 사이에 에이전트가 다시 시작되었습니다',
  },
  noRootDisk: {
    en: 'Server {server} has no root disk on this host that could be copied.',
    ko: '서버 {server}에는 이 호스트에서 복사할 루트 디스크가 없습니다.',
  },
  copyFailed: {
    en: 'The root disk of server {server} could not be copied: {reason}',
    ko: '서버 {server}의 루트 디스크를 복사하지 못했습니다: {reason}',
  },
});
