// Six comforts; every page works without them. Times become local, and so does the field that takes
// one; a confirm button says that it waits until the text is the id, no form is sent twice, commands can be copied, and a few keys lead
// about. The server decides in any case.
'use strict';

const forms = {
  day: { day: 'numeric', month: 'short' },
  moment: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  clock: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
};

function makeLocal(time) {
  const written = time.getAttribute('datetime');
  const at = new Date(written);
  if (Number.isNaN(at.getTime())) return;
  // Where the day is another than in UTC, the heading or the sentence around it does not say it.
  const local = `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`;
  const form = { ...forms[local === written.slice(0, 10) || time.dataset.show === 'day' ? time.dataset.show : 'moment'] };
  if (form.day && at.getFullYear() !== new Date().getFullYear()) form.year = 'numeric';
  time.title = time.textContent;
  time.textContent = new Intl.DateTimeFormat('en-GB', form).format(at);
}

// Texts that take no markup hold their moments as `20 Nov, 20:41 UTC`, and today's as `20:41 UTC`.
function tellLocal(text) {
  const now = new Date().toUTCString(); // Sat, 28 Nov 2026 08:11:00 GMT
  return text.replace(/(?:(\d\d? [A-Z][a-z]{2})( \d{4})?, )?(\d\d:\d\d) UTC/g, (whole, day, year, clock) => {
    const at = new Date(`${day ?? now.slice(5, 11)} ${year ?? now.slice(12, 16)} ${clock} UTC`);
    if (Number.isNaN(at.getTime())) return whole;
    return new Intl.DateTimeFormat('en-GB', { ...forms.moment, ...(year && { year: 'numeric' }) }).format(at);
  });
}

function makeAllLocal(root) {
  root.querySelectorAll('[data-show]').forEach(makeLocal);
  for (const picture of root.querySelectorAll('.timeline [aria-label]')) {
    picture.setAttribute('aria-label', tellLocal(picture.getAttribute('aria-label')));
  }
  for (const title of root.querySelectorAll('.timeline title')) title.textContent = tellLocal(title.textContent);
}
makeAllLocal(document);

// Where times are shown as local ones, they are typed as local ones.
for (const field of document.querySelectorAll('input[data-moment]')) {
  const local = (utc) => {
    const at = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d/.test(utc) && new Date(`${utc.slice(0, 16).replace(' ', 'T')}Z`);
    if (!at || Number.isNaN(at.getTime())) return utc;
    return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16).replace('T', ' ');
  };
  field.placeholder = local(field.placeholder);
  if (field.value.endsWith('Z')) field.value = local(field.value);
  field.form.querySelector('[data-zone]').textContent = '(your time)';
  field.form.addEventListener('formdata', ({ formData }) => {
    const typed = field.value.trim().match(/^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?$/);
    const at = typed && new Date(`${typed[1]}T${typed[2] ?? '00:00'}`);
    if (at && !Number.isNaN(at.getTime())) formData.set(field.name, at.toISOString());
  });
}

for (const form of document.querySelectorAll('form[data-confirm]')) {
  const field = form.querySelector('input[name^="confirm_"]');
  const button = form.querySelector('button');
  const why = document.createElement('b');
  form.querySelector('.note').prepend(why);
  const fits = () => field.value.trim() === form.dataset.confirm;
  const tell = () => {
    button.setAttribute('aria-disabled', String(!fits()));
    why.textContent = fits() ? '' : `Type ${form.dataset.confirm} first. `;
  };
  field.addEventListener('input', tell);
  form.addEventListener('submit', (event) => {
    if (fits()) return;
    event.preventDefault();
    field.focus();
  });
  tell();
}

// A form that is on its way is not sent again.
document.addEventListener('submit', (event) => {
  if (event.defaultPrevented || event.target.method !== 'post') return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = 'yes';
});
window.addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent;
});

if (navigator.clipboard) {
  for (const block of document.querySelectorAll('pre[data-copy]')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(block.querySelector('code').textContent);
      button.textContent = 'Copied';
    });
    block.append(button);
  }
}

// Keys lead somewhere, and none of them changes anything: / search, g s snapshots, g e events,
// j k rows, ? help.
const doors = { s: '/snapshots', e: '/events' };
let going = false;

function search() {
  const field = document.querySelector('[role=search] input:not([type=hidden])');
  if (field) field.focus();
  else location.href = '/events';
}

function step(by) {
  const rows = [...document.querySelectorAll('main tbody tr:not(.day), main .event, main .row')];
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[at < 0 && by < 0 ? rows.length - 1 : at + by];
  if (!row) return;
  const link = [...row.querySelectorAll('a[href]')].find((a) => a.getClientRects().length > 0);
  if (!link) row.tabIndex = -1;
  (link ?? row).focus();
}

const keys = {
  '/': search,
  '?': () => { location.href = '/help'; },
  g: () => { going = true; },
  j: () => step(1),
  k: () => step(-1),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input, select, textarea')) return;
  const door = going && doors[event.key];
  going = false;
  if (door) {
    location.href = door;
  } else if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

// What was just done is read first; a page that only shows such a box stays at its top.
if (new URLSearchParams(location.search).has('done')) document.getElementById('result')?.focus();
