/** How pictures come in: dropped, chosen, pasted, taken, or an example. */
import { byId, h } from './dom.js';

/** @typedef {(files: {name: string, blob: Blob}[]) => void} Add */

/** @param {Add} add */
export function listen(add) {
  const take = (/** @type {Iterable<File>} */ files) =>
    add(Array.from(files, (file) => ({ name: file.name, blob: file })));
  chosen(byId('choose'), byId('files'), take);
  dropped(take);
  document.addEventListener('paste', ({ clipboardData }) => {
    if (clipboardData?.files.length) take(clipboardData.files);
  });
  examples(add);
  camera(add, take);
}

/** @param {HTMLElement} button @param {HTMLElement} input @param {(files: Iterable<File>) => void} take */
function chosen(button, input, take) {
  const field = /** @type {HTMLInputElement} */ (input);
  button.addEventListener('click', () => field.click());
  field.addEventListener('change', () => {
    take([...(field.files ?? [])]);
    field.value = ''; // the same file can be chosen again
  });
}

/** Anywhere on the page. @param {(files: Iterable<File>) => void} take */
function dropped(take) {
  const zone = byId('intake');
  let depth = 0; // each element that is entered and left on the way tells it
  /** @param {number} change */
  const over = (change) => zone.classList.toggle('over', (depth = change ? Math.max(0, depth + change) : 0) > 0);
  addEventListener('dragenter', () => over(1));
  addEventListener('dragleave', () => over(-1));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    over(0);
    if (event.dataTransfer?.files.length) take(event.dataTransfer.files);
  });
}

/** @param {Add} add */
function examples(add) {
  for (const button of document.querySelectorAll('#examples button')) {
    const image = /** @type {HTMLImageElement} */ (button.querySelector('img'));
    const drop = () => button.closest('li')?.remove();
    if (image.complete && !image.naturalWidth) drop(); // there are none here
    image.addEventListener('error', drop);
    button.addEventListener('click', async () => {
      const name = image.alt;
      add([{ name, blob: await (await fetch(image.src)).blob() }]);
    });
  }
}

/** @param {Add} add @param {(files: Iterable<File>) => void} take */
function camera(add, take) {
  const button = byId('camera');
  const isPhone = matchMedia('(pointer: coarse)').matches;
  if (isPhone || !navigator.mediaDevices?.getUserMedia) {
    button.hidden = !isPhone; // the system's own camera is the better one there
    return chosen(button, byId('capture'), take);
  }
  const dialog = /** @type {HTMLDialogElement} */ (byId('camera-dialog'));
  const video = /** @type {HTMLVideoElement} */ (byId('video'));
  const said = byId('camera-said');
  const shoot = /** @type {HTMLButtonElement} */ (byId('shoot'));
  const stop = () => {
    if (video.srcObject instanceof MediaStream) for (const track of video.srcObject.getTracks()) track.stop();
    video.srcObject = null;
  };
  dialog.addEventListener('close', stop);
  byId('camera-close').addEventListener('click', () => dialog.close());
  button.addEventListener('click', async () => {
    dialog.showModal();
    shoot.disabled = true;
    said.textContent = 'Your browser asks whether this page may use the camera.';
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 } } });
      video.srcObject = stream;
      if (!dialog.open) return stop(); // closed while the browser asked
      await video.play();
      said.textContent = '';
      shoot.disabled = false;
    } catch (error) {
      said.textContent = `No camera: ${/** @type {Error} */ (error).message}. Choose a file instead.`;
    }
  });
  shoot.addEventListener('click', async () => {
    const canvas = h('canvas', { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext('2d')?.drawImage(video, 0, 0);
    dialog.close();
    canvas.toBlob((blob) => blob && add([{ name: 'camera.png', blob }]), 'image/png');
  });
}
