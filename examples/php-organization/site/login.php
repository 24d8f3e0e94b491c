<?php

declare(strict_types=1);

require __DIR__ . '/../php/session.php';
require __DIR__ . '/../php/page.php';

// Of a password that nobody knows: an unknown name takes as long as a wrong password.
const NOBODY = '$2y$10$hkFGxs2k8ApGENhLlED/A.taDwJNsm0FrsySfD04HViLW17IWv9Iu';

$wrong = false;
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_own_form();
    $found = row('select id, password_hash from users where name = ?', field('name'));
    $password = is_string($_POST['password'] ?? null) ? $_POST['password'] : '';
    if (password_verify($password, $found['password_hash'] ?? NOBODY) && $found !== null) {
        log_in($found['id']);
        redirect('/');
    }
    $wrong = true;
    http_response_code(401);
}

page_begins('Log in', null);
?>
<main class="narrow">
  <h1>Log in</h1>
<?php if ($wrong): ?>
  <p class="notice bad" role="alert">Wrong name or password.</p>
<?php endif ?>
  <form method="post" class="card">
    <?= csrf_field() ?>
    <label>Name <input name="name" autocomplete="username" required autofocus></label>
    <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
    <button>Log in</button>
  </form>
</main>
<?php
page_ends();
