// Three comforts; every page works without them. Times become local, a confirm button says that it
// waits until the text is the id, and commands can be copied. The server decides in any case.
'use strict';

const forms = {
  moment: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  clock: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
};

for (const time of document.querySelectorAll('time[data-show]')) {
  const at = new Date(time.dateTime);
  const form = { ...forms[time.dataset.show] };
  if (Number.isNaN(at.getTime())) continue;
  if (form.day && at.getFullYear() !== new Date().getFullYear()) form.year = 'numeric';
  time.title = time.textContent;
  time.textContent = new Intl.DateTimeFormat('en-GB', form).format(at);
}

for (const form of document.querySelectorAll('form[data-confirm]')) {
  const field = form.querySelector('input[name="confirm_id"]');
  const button = form.querySelector('button');
  const fits = () => field.value.trim() === form.dataset.confirm;
  const tell = () => {
    button.setAttribute('aria-disabled', String(!fits()));
    button.title = fits() ? '' : 'Type the id first';
  };
  field.addEventListener('input', tell);
  form.addEventListener('submit', (event) => {
    if (fits()) return;
    event.preventDefault();
    field.focus();
  });
  tell();
}


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

document.querySelector('#result h2')?.focus();
