// Sentences of the image service.

import { texts } from '#/platform/text/text.ts';

export const imageTexts = texts('image', {
  notFound: { en: 'No image found with ID {id}.', ko: 'ID가 {id}인 이미지를 찾을 수 없습니다.' },
  memberNotFound: {
    en: '{member} is not a member of image {id}.',
    ko: '{member}은(는) 이미지 {id}의 멤버가 아닙니다.',
  },
  tagNotFound: { en: 'Image {id} has no tag {tag}.', ko: '이미지 {id}에 태그 {tag}이(가) 없습니다.' },
  duplicate: { en: 'Image ID {id} already exists.', ko: '이미지 ID {id}이(가) 이미 있습니다.' },
  memberDuplicate: {
    en: '{member} is already a member of image {id}.',
    ko: '{member}은(는) 이미 이미지 {id}의 멤버입니다.',
  },
  invalid: { en: 'Invalid value for attribute {name}: {why}.', ko: '속성 {name}의 값이 올바르지 않습니다: {why}.' },
  readOnly: { en: "Attribute '{name}' is read-only.", ko: "속성 '{name}'은(는) 읽기 전용입니다." },
  reserved: { en: "Attribute '{name}' is reserved.", ko: "속성 '{name}'은(는) 예약되어 있습니다." },
  notRemovable: { en: "Attribute '{name}' cannot be removed.", ko: "속성 '{name}'은(는) 제거할 수 없습니다." },
  onlyQueued: {
    en: "Attribute '{name}' can be changed only before the image has data.",
    ko: "속성 '{name}'은(는) 이미지에 데이터가 없을 때만 바꿀 수 있습니다.",
  },
  noProperty: { en: 'Property {name} does not exist.', ko: '속성 {name}이(가) 없습니다.' },
  badPatch: {
    en: 'The patch is not valid at operation {at}: {why}.',
    ko: '{at}번째 패치 연산이 올바르지 않습니다: {why}.',
  },
  protected: {
    en: 'Image {id} is protected and cannot be deleted.',
    ko: '이미지 {id}은(는) 보호되어 있어 삭제할 수 없습니다.',
  },
  inUse: { en: 'Image {id} is in use: {why}.', ko: '이미지 {id}이(가) 사용 중입니다: {why}.' },
  notAllowed: {
    en: 'You are not permitted to do this: rule {rule}.',
    ko: '이 작업을 할 권한이 없습니다: 규칙 {rule}.',
  },
  notShared: {
    en: 'Only images with visibility shared take members; image {id} is {visibility}.',
    ko: '공개 범위가 shared인 이미지에만 멤버를 추가할 수 있습니다. 이미지 {id}은(는) {visibility}입니다.',
  },
  limit: { en: 'An image takes at most {limit} {what}.', ko: '이미지 하나에 {what}은(는) 최대 {limit}개입니다.' },
  dataExists: {
    en: 'Image {id} is {status}: data can be uploaded only while it is queued.',
    ko: '이미지 {id}의 상태가 {status}입니다. queued일 때만 데이터를 올릴 수 있습니다.',
  },
  needsFormats: {
    en: 'Set disk_format and container_format of image {id} before its data is uploaded.',
    ko: '데이터를 올리기 전에 이미지 {id}의 disk_format과 container_format을 지정하십시오.',
  },
  wrongStatus: {
    en: 'Image {id} is {status}; this is possible only when it is {wanted}.',
    ko: '이미지 {id}의 상태가 {status}입니다. {wanted}일 때만 할 수 있습니다.',
  },
  deactivated: {
    en: 'Image {id} is deactivated; only an administrator may download it.',
    ko: '이미지 {id}은(는) 비활성화되어 관리자만 내려받을 수 있습니다.',
  },
  badContentType: {
    en: 'Image data is sent as application/octet-stream, not {type}.',
    ko: '이미지 데이터는 {type}이(가) 아니라 application/octet-stream으로 보내야 합니다.',
  },
  tooLarge: { en: 'The image is larger than {limit} bytes.', ko: '이미지가 {limit}바이트를 넘습니다.' },
  overQuota: {
    en: 'The images of project {projectId} would take more than its {limit} bytes.',
    ko: '프로젝트 {projectId}의 이미지가 한도 {limit}바이트를 넘게 됩니다.',
  },
  wrongSize: {
    en: 'The image has {got} bytes, not the {announced} that were announced.',
    ko: '이미지가 알린 {announced}바이트가 아니라 {got}바이트입니다.',
  },
  cut: {
    en: 'The image data ended after {got} bytes, before it was complete.',
    ko: '이미지 데이터가 {got}바이트에서 끊겼습니다.',
  },
  tooSlow: {
    en: 'No image data arrived for {seconds} seconds.',
    ko: '{seconds}초 동안 이미지 데이터가 도착하지 않았습니다.',
  },
  noSpace: { en: 'The image store has no room.', ko: '이미지 저장소에 공간이 없습니다.' },
  gone: {
    en: 'Image {id} was deleted while its data was uploaded.',
    ko: '데이터를 올리는 동안 이미지 {id}이(가) 삭제되었습니다.',
  },
  wrongFormat: {
    en: 'The image is declared as {declared} but its content is {real}.',
    ko: '이미지는 {declared}(으)로 선언되었지만 내용은 {real}입니다.',
  },
  hostile: {
    en: 'The {real} image cannot be accepted: {problems}.',
    ko: '{real} 이미지를 받아들일 수 없습니다: {problems}.',
  },
  notActive: {
    en: 'Image {id} is {status}; only an active image can be used.',
    ko: '이미지 {id}의 상태가 {status}입니다. active 상태의 이미지만 쓸 수 있습니다.',
  },
  unknownContent: {
    en: 'Image {id} is declared as {declared} but nothing of that format is in it.',
    ko: '이미지 {id}은(는) {declared}(으)로 선언되었지만 그 형식의 내용이 없습니다.',
  },
  badRange: { en: 'The range {range} is not within the image.', ko: '범위 {range}이(가) 이미지 안에 있지 않습니다.' },
  badImport: { en: 'The import cannot be done: {why}.', ko: '가져오기를 할 수 없습니다: {why}.' },
  badQuery: {
    en: 'Invalid query parameter {where}: {why}.',
    ko: '쿼리 매개변수 {where}이(가) 올바르지 않습니다: {why}.',
  },
});
