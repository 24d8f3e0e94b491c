<?php

declare(strict_types=1);

require __DIR__ . '/../php/session.php';
require __DIR__ . '/../php/page.php';

$user = require_user();
$organizations = query(
    'select organizations.id, organizations.name, members.role
     from organizations join members on members.organization_id = organizations.id
     where members.user_id = ? order by organizations.name',
    $user['id'],
)->fetchAll();

page_begins('Organization news', $user);
?>
<main class="narrow">
  <h1>Your organizations</h1>
<?php if ($organizations === []): ?>
  <p>None yet.</p>
<?php endif ?>
  <ul class="cards">
<?php foreach ($organizations as $organization): ?>
    <li><a href="/organization.php?id=<?= h($organization['id']) ?>"><?= h($organization['name']) ?></a> <small><?= h($organization['role']) ?></small></li>
<?php endforeach ?>
  </ul>
</main>
<?php
page_ends();
