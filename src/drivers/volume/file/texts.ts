// What the file backend says when it refuses or fails.

import { texts } from '#/platform/text/text.ts';

export const fileVolumeTexts = texts('fileVolume', {
  badName: {
    en: '{name} is not a name that a disk or snapshot on a host can have.',
    ko: '{name}은(는) 호스트의 디스크나 스냅샷 이름으로 사용할 수 없습니다.',
  },
  pathTooLong: {
    en: 'The volume directory {directory} has too long a path for sockets below it.',
    ko: '볼륨 디렉터리 {directory}의 경로가 너무 길어 그 아래에 소켓을 만들 수 없습니다.',
  },
  sourceLarger: {
    en: 'The source of disk {key} has {sourceBytes} bytes, which do not fit into {wantedGib} GiB.',
    ko: '디스크 {key}의 원본 크기는 {sourceBytes}바이트로 {wantedGib}GiB에 들어가지 않습니다.',
  },
  noRoom: {
    en: 'The host has {freeGib} of {totalGib} GiB left, too little for disk {key} of {wantedGib} GiB.',
    ko: '호스트에 {totalGib}GiB 중 {freeGib}GiB만 남아 {wantedGib}GiB 디스크 {key}을(를) 만들 수 없습니다.',
  },
  sourceMissing: {
    en: 'Disk {key} is to start from {source}, which is not on the host.',
    ko: '디스크 {key}의 원본 {source}이(가) 호스트에 없습니다.',
  },
  toolFailed: {
    en: 'Disk {key} could not be made ready: {step} failed. The host log says why.',
    ko: '디스크 {key}을(를) 준비하지 못했습니다: {step} 단계가 실패했습니다. 자세한 이유는 호스트 로그에 있습니다.',
  },
  notQcow2: {
    en: 'The file of disk {key} is damaged.',
    ko: '디스크 {key}의 파일이 손상되었습니다.',
  },
});
