/** The service worker's side of the page: it keeps the page's own files, so that it works without a network. */
import { byId } from './dom.js';

/** Register it, and offer a newer page once its files are there. */
export async function keep() {
  if (!('serviceWorker' in navigator)) return;
  const said = byId('offline');
  try {
    const registration = await navigator.serviceWorker.register('./sw.js');
    registration.addEventListener('updatefound', () => watch(registration.installing, said));
    if (registration.waiting) offer(registration.waiting);
    await navigator.serviceWorker.ready;
    said.textContent = 'This page now works without a network, too.';
  } catch {
    said.textContent = 'This browser does not keep the page, so it needs the network each time.';
  }
}

/** @param {ServiceWorker | null} worker @param {HTMLElement} said */
function watch(worker, said) {
  worker?.addEventListener('statechange', () => {
    if (worker.state === 'installed' && navigator.serviceWorker.controller) offer(worker);
    if (worker.state === 'redundant') said.textContent = 'The page could not be kept for use without a network.';
  });
}

/** @param {ServiceWorker} worker the newer one */
function offer(worker) {
  byId('newer').hidden = false;
  byId('renew').addEventListener('click', () => {
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    worker.postMessage('take over');
  });
}
