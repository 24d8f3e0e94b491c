<?php

declare(strict_types=1);

require __DIR__ . '/../php/session.php';
require __DIR__ . '/../php/page.php';

$user = require_user();
if (!$user['admin']) {
    refuse(403, 'This is for admins.');
}

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_own_form();
    $member = (int) field('user');
    $organization = (int) field('organization');
    // Nothing more: the trigger on `members` tells the gateway, whoever changes the table.
    if (field('action') === 'remove') {
        query('delete from members where user_id = ? and organization_id = ?', $member, $organization);
    } elseif (field('action') === 'add' && in_array(field('role'), ['editor', 'reader'], true)) {
        query(
            'insert into members (user_id, organization_id, role)
             select users.id, organizations.id, ? from users, organizations where users.id = ? and organizations.id = ?
             on conflict (user_id, organization_id) do update set role = excluded.role',
            field('role'),
            $member,
            $organization,
        );
    }
    redirect('/members.php');
}

$users = query('select id, name from users order by name')->fetchAll();
$organizations = query('select id, name from organizations order by name')->fetchAll();
$members = query(
    'select user_id, organization_id, users.name, organizations.name as organization, role
     from members join users on users.id = user_id join organizations on organizations.id = organization_id
     order by organizations.name, users.name',
)->fetchAll();

page_begins('Members', $user);
?>
<main class="narrow">
  <h1>Members</h1>
  <table>
    <thead><tr><th>Organization</th><th>Name</th><th>Role</th><th></th></tr></thead>
    <tbody>
<?php foreach ($members as $member): ?>
      <tr>
        <td><?= h($member['organization']) ?></td><td><?= h($member['name']) ?></td><td><?= h($member['role']) ?></td>
        <td><form method="post"><?= csrf_field() ?><input type="hidden" name="action" value="remove"><input type="hidden" name="user" value="<?= h($member['user_id']) ?>"><input type="hidden" name="organization" value="<?= h($member['organization_id']) ?>"><button class="quiet" aria-label="Take <?= h($member['name']) ?> out of <?= h($member['organization']) ?>">Take out</button></form></td>
      </tr>
<?php endforeach ?>
    </tbody>
  </table>
  <form method="post" class="card row">
    <h2>Add a member</h2>
    <?= csrf_field() ?><input type="hidden" name="action" value="add">
    <label>Name <select name="user"><?php foreach ($users as $each): ?><option value="<?= h($each['id']) ?>"><?= h($each['name']) ?></option><?php endforeach ?></select></label>
    <label>Organization <select name="organization"><?php foreach ($organizations as $each): ?><option value="<?= h($each['id']) ?>"><?= h($each['name']) ?></option><?php endforeach ?></select></label>
    <label>Role <select name="role"><option>reader</option><option>editor</option></select></label>
    <button>Add</button>
  </form>
</main>
<?php
page_ends();
