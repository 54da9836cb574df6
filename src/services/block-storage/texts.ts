// Sentences of the block storage service.

import { texts } from '#/platform/text/text.ts';

export const volumeTexts = texts('volume', {
  notFound: { en: 'Volume {id} could not be found.', ko: '볼륨 {id}을(를) 찾을 수 없습니다.' },
  snapshotNotFound: { en: 'Snapshot {id} could not be found.', ko: '스냅샷 {id}을(를) 찾을 수 없습니다.' },
  attachmentNotFound: {
    en: 'Volume attachment {id} could not be found.',
    ko: '볼륨 연결 {id}을(를) 찾을 수 없습니다.',
  },
  typeNotFound: { en: 'Volume type {id} could not be found.', ko: '볼륨 유형 {id}을(를) 찾을 수 없습니다.' },
  transferNotFound: { en: 'Transfer {id} could not be found.', ko: '이전 {id}을(를) 찾을 수 없습니다.' },
  hostNotFound: { en: 'Host {name} could not be found.', ko: '호스트 {name}을(를) 찾을 수 없습니다.' },
  keyNotFound: { en: 'There is no item {key} in {what}.', ko: '{what}에 {key} 항목이 없습니다.' },
  zoneNotFound: {
    en: 'Availability zone {zone} is not one of {zones}.',
    ko: '가용 영역 {zone}은(는) 다음에 없습니다: {zones}.',
  },
  invalidInput: { en: 'Invalid input for {name}: {why}.', ko: '{name}의 입력이 올바르지 않습니다: {why}.' },
  wrongStatus: {
    en: 'Volume {id} must be {wanted} for this, but it is {status}.',
    ko: '볼륨 {id}은(는) {wanted} 상태여야 하지만 {status}입니다.',
  },
  snapshotStatus: {
    en: 'Snapshot {id} must be {wanted} for this, but it is {status}.',
    ko: '스냅샷 {id}은(는) {wanted} 상태여야 하지만 {status}입니다.',
  },
  attached: { en: 'Volume {id} is attached to a server.', ko: '볼륨 {id}이(가) 서버에 연결되어 있습니다.' },
  hasSnapshots: {
    en: 'Volume {id} has snapshots; delete those first, or ask for cascade.',
    ko: '볼륨 {id}에 스냅샷이 있습니다. 먼저 삭제하거나 cascade로 요청하십시오.',
  },
  inTransfer: { en: 'Volume {id} is being transferred.', ko: '볼륨 {id}을(를) 이전하는 중입니다.' },
  isSource: {
    en: 'A volume is being made from {id}; wait until it is done.',
    ko: '{id}(으)로 볼륨을 만드는 중입니다. 끝날 때까지 기다리십시오.',
  },
  tooSmall: {
    en: 'The volume needs at least {least} GiB for what it is made from, not {sizeGib}.',
    ko: '원본을 담으려면 볼륨이 {sizeGib}GiB가 아니라 최소 {least}GiB여야 합니다.',
  },
  notLarger: {
    en: 'The new size must be more than the {sizeGib} GiB that the volume has, not {newGib}.',
    ko: '새 크기는 현재 {sizeGib}GiB보다 커야 합니다. {newGib}은(는) 쓸 수 없습니다.',
  },
  noSize: { en: 'A volume needs a size, or something that it is made from.', ko: '볼륨에는 크기나 원본이 필요합니다.' },
  oneSource: {
    en: 'A volume is made from one of an image, a snapshot or a volume.',
    ko: '볼륨의 원본은 이미지, 스냅샷, 볼륨 중 하나여야 합니다.',
  },
  badImage: {
    en: 'Image {id} cannot be used: it does not exist, is not yours to use, or is not active.',
    ko: '이미지 {id}을(를) 쓸 수 없습니다. 없거나, 사용 권한이 없거나, 활성 상태가 아닙니다.',
  },
  overQuota: {
    en: '{resource} quota exceeded: {asked} asked for, {used} of {limit} used.',
    ko: '{resource} 할당량을 넘습니다. 요청 {asked}, 사용 {used}/{limit}.',
  },
  tooLargeForQuota: {
    en: 'A volume of {asked} GiB is larger than the {limit} GiB that one volume may have.',
    ko: '{asked}GiB 볼륨은 볼륨 하나의 한도 {limit}GiB를 넘습니다.',
  },
  noHost: {
    en: 'No storage host can take {sizeGib} GiB: {hosts}.',
    ko: '{sizeGib}GiB를 담을 스토리지 호스트가 없습니다: {hosts}.',
  },
  moved: { en: 'Volume {id} changed meanwhile.', ko: '볼륨 {id}이(가) 그 사이 변경되었습니다.' },
  typeExists: { en: 'Volume type {name} already exists.', ko: '볼륨 유형 {name}이(가) 이미 있습니다.' },
  typeInUse: { en: 'Volume type {id} is in use.', ko: '볼륨 유형 {id}이(가) 사용 중입니다.' },
  typeDefault: { en: 'The default volume type cannot be deleted.', ko: '기본 볼륨 유형은 삭제할 수 없습니다.' },
  accessExists: {
    en: 'Project {project} has access to volume type {id} already.',
    ko: '프로젝트 {project}은(는) 이미 볼륨 유형 {id}을(를) 쓸 수 있습니다.',
  },
  accessNone: {
    en: 'Project {project} has no access to volume type {id}.',
    ko: '프로젝트 {project}은(는) 볼륨 유형 {id}을(를) 쓸 수 없습니다.',
  },
  heldByServer: {
    en: 'Volume {id} is attached to server {serverId}; detach it from the server.',
    ko: '볼륨 {id}은(는) 서버 {serverId}에 연결되어 있습니다. 서버에서 분리하십시오.',
  },
  badKey: { en: 'The key does not fit transfer {id}.', ko: '키가 이전 {id}과(와) 맞지 않습니다.' },
  quotaBelowUse: {
    en: 'The quota of {resource} cannot be {limit}: {used} are used.',
    ko: '{resource} 할당량을 {limit}(으)로 할 수 없습니다. {used}이(가) 사용 중입니다.',
  },
  unknownQuota: { en: 'There is no quota of {names}.', ko: '{names} 할당량은 없습니다.' },
});
