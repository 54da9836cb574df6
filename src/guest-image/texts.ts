// What the image builder says when it cannot build.

import { texts } from '#/platform/text/text.ts';

export const guestImageTexts = texts('guestImage', {
  architecture: {
    en: 'The small guest image can be built for x86_64 only, not for {architecture}.',
    ko: '작은 게스트 이미지는 x86_64용으로만 만들 수 있으며 {architecture}용은 지원하지 않습니다.',
  },
  toolMissing: {
    en: "The image builder needs {tool}, of Debian's package {package}.",
    ko: '이미지를 만들려면 데비안 패키지 {package}의 {tool} 도구가 필요합니다.',
  },
  noPackages: {
    en: 'The Debian packages of the guest image could not be found: {reason}',
    ko: '게스트 이미지에 필요한 데비안 패키지를 찾지 못했습니다: {reason}',
  },
  badPackage: {
    en: 'Package {name} is not what the archive promised.',
    ko: '패키지 {name}의 내용이 저장소 정보와 다릅니다.',
  },
  notInPackages: {
    en: 'The guest image needs {name}, which none of its packages has.',
    ko: '게스트 이미지에 필요한 {name}이(가) 어느 패키지에도 없습니다.',
  },
});
