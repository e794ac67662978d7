// Four comforts; every page works without them. Times become local, a confirm button says that it
// waits until the text is the id, no form is sent twice, and commands can be copied. The server decides in any case.
'use strict';

const forms = {
  moment: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  clock: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
};

for (const time of document.querySelectorAll('time[data-show]')) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  // Where the day is another than in UTC, the heading or the sentence around it does not say it.
  const local = `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, '0')}-${String(at.getDate()).padStart(2, '0')}`;
  const form = { ...forms[local === time.dateTime.slice(0, 10) ? time.dataset.show : 'moment'] };
  if (form.day && at.getFullYear() !== new Date().getFullYear()) form.year = 'numeric';
  time.title = time.textContent;
  time.textContent = new Intl.DateTimeFormat('en-GB', form).format(at);
}

for (const form of document.querySelectorAll('form[data-confirm]')) {
  const field = form.querySelector('input[name^="confirm_"]');
  const button = form.querySelector('button');
  const fits = () => field.value.trim() === form.dataset.confirm;
  const tell = () => {
    button.setAttribute('aria-disabled', String(!fits()));
    button.title = fits() ? '' : `Type ${form.dataset.confirm} first`;
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

document.getElementById('result')?.focus();
