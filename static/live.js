// What the server tells while a page is open: how far long work is, and that something has changed.
// Regions marked data-live are fetched again; a plan only says that there is a newer one.
'use strict';

{
  const bar = document.getElementById('working');
  const drawn = document.body.dataset;
  const plan = document.querySelector('form.confirm [name=expected_head]')?.form;
  const SHOWN_AFTER = 500; // ms: shorter work would only flash
  const CALM = 2000; // ms between two refreshes
  let sent = false;
  let working = !bar.hidden;
  let next = 0;
  let waiting;

  function showWork({ tasks, parts, words }) {
    const shown = tasks.some((task) => task.for_ms >= SHOWN_AFTER);
    const page = document.getElementById('runs');
    bar.hidden = !shown || page !== null;
    if (shown) {
      for (const meter of [bar, page]) fill(meter?.querySelector('progress'), parts.at(-1), words);
    }
    if (shown !== working && (page || !shown)) refreshSoon();
    working = shown;
  }

  function fill(progress, part, words) {
    if (!progress) return;
    document.getElementById(progress.getAttribute('aria-labelledby')).textContent = words;
    if (part?.total) {
      progress.max = part.total;
      progress.value = Math.min(part.done, part.total);
    } else {
      progress.removeAttribute('value');
    }
  }

  // Whoever points, reads, types or chooses there is not disturbed.
  function inUse(region) {
    const picked = getSelection();
    return region.contains(document.activeElement)
      || region.querySelector('a:hover, button:hover, summary:hover') !== null
      || (!picked.isCollapsed && picked.containsNode(region, true))
      || [...region.querySelectorAll('input, select')].some((field) => field.value !== (field.defaultValue ?? field.value))
      || region.querySelector('details[open]') !== null;
  }

  async function refresh() {
    waiting = undefined;
    next = Date.now() + CALM;
    // The frame is the same on every page, and what is around it may take long to work out.
    const from = document.querySelector('main [data-live]') ? location.href : '/progress';
    const answer = await fetch(from, { headers: { accept: 'text/html' } }).catch(() => undefined);
    if (!answer?.ok || sent) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    let missed = false;
    for (const region of document.querySelectorAll('[data-live][id]')) {
      const news = fresh.getElementById(region.id);
      if (!news) {
        // Another page altogether, as when the first event has come.
        if (region.closest('main')) location.reload();
        continue;
      }
      if (inUse(region)) {
        missed = true;
        continue;
      }
      const adopted = document.adoptNode(news);
      makeAllLocal(adopted);
      region.replaceWith(adopted);
    }
    if (!missed) drawn.version = fresh.body.dataset.version;
    else for (const left of ['focusout', 'pointerout']) document.addEventListener(left, refreshSoon, { once: true });
  }

  function refreshSoon() {
    waiting ??= setTimeout(refresh, Math.max(0, next - Date.now()));
  }

  // Nothing of a plan changes under the eyes of who reads it.
  function tellNewer({ events, epoch }) {
    const more = events - Number(drawn.events);
    const grown = String(epoch) === drawn.epoch && more > 0;
    if (!grown && String(epoch) === drawn.epoch) return;
    const note = document.getElementById('newer-plan') ?? document.createElement('p');
    note.id = 'newer-plan';
    note.className = 'newer-plan';
    note.setAttribute('role', 'status');
    const link = document.createElement('a');
    link.href = location.href;
    link.textContent = 'see the new plan';
    note.replaceChildren(grown ? `${more} new event${more === 1 ? '' : 's'}; ` : 'The store has changed since; ', link);
    if (!note.isConnected) plan.querySelector('h2').after(note);
  }

  function tellChange(store) {
    if (sent || String(store.version) === drawn.version) return;
    if (plan) tellNewer(store);
    refreshSoon();
  }

  // A browser opens few connections to one server: only the page that is looked at holds one.
  let source;
  function listen() {
    if (document.visibilityState !== 'visible') {
      source?.close();
      source = undefined;
    } else if (!source) {
      source = new EventSource('/progress');
      source.addEventListener('progress', (event) => showWork(JSON.parse(event.data)));
      source.addEventListener('changed', (event) => tellChange(JSON.parse(event.data)));
    }
  }

  // The page that starts long work shows its bar where it was started.
  document.addEventListener('submit', (event) => {
    if (event.defaultPrevented || event.target.method !== 'post') return;
    sent = true;
    event.target.after(bar);
  });
  window.addEventListener('pageshow', () => { sent = false; });
  window.addEventListener('pagehide', () => {
    source?.close();
    source = undefined;
  });
  window.addEventListener('pageshow', listen);
  document.addEventListener('visibilitychange', listen);
}
