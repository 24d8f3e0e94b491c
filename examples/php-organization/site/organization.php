<?php

declare(strict_types=1);

require __DIR__ . '/../php/session.php';
require __DIR__ . '/../php/news.php';
require __DIR__ . '/../php/page.php';

$user = require_user();
$id = filter_input(INPUT_GET, 'id', FILTER_VALIDATE_INT, ['options' => ['min_range' => 1, 'max_range' => 2147483647]]);
$organization = is_int($id) ? organization_of($user['id'], $id) : null;
if ($organization === null) {
    refuse(403, 'This is for members.');
}
$editor = $organization['role'] === 'editor';

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    require_own_form();
    if (!$editor) {
        refuse(403, 'This is for editors.');
    }
    if (isset($_POST['withdraw'])) {
        withdraw_news($id, (int) field('withdraw'));
    } elseif (field('title') !== '') {
        publish_news($id, $user['id'], field('title'), field('body'));
    }
    redirect("/organization.php?id=$id");
}

$members = query(
    'select users.id, users.name, members.role from users join members on members.user_id = users.id
     where members.organization_id = ? order by users.name',
    $id,
)->fetchAll();
$empty = ['id' => '', 'title' => '', 'body' => '', 'author' => '', 'published_at' => '', 'seen' => 0, 'seen_by_me' => false];

page_begins($organization['name'], $user);
?>
<main id="organization" data-id="<?= h($id) ?>" data-gateway="<?= h((string) getenv('GATEWAY_URL')) ?>">
  <section aria-labelledby="title">
    <h1 id="title"><?= h($organization['name']) ?></h1>
    <p id="status" class="notice" role="status" data-state="offline">Connecting…</p>
    <ol id="news" aria-live="polite" aria-relevant="additions">
<?php foreach (news_of($id, $user['id']) as $item): ?>
<?php show_item($item, $editor) ?>
<?php endforeach ?>
    </ol>
    <template id="item">
<?php show_item($empty, $editor) ?>
    </template>
  </section>
  <aside>
<?php if ($editor): ?>
    <form method="post" class="card" id="publish">
      <h2>Publish</h2>
      <?= csrf_field() ?>
      <label>Title <input name="title" required maxlength="200"></label>
      <label>Text <textarea name="body" rows="4" maxlength="4000"></textarea></label>
      <button>Publish</button>
    </form>
<?php endif ?>
    <div class="card">
      <h2>Members</h2>
      <ul id="members">
<?php foreach ($members as $member): ?>
        <li data-subject="<?= h($member['id']) ?>"><?= h($member['name']) ?> <small><?= h($member['role']) ?></small> <em hidden>here</em></li>
<?php endforeach ?>
      </ul>
    </div>
  </aside>
</main>
<script type="module" src="/organization.js"></script>
<?php
page_ends();

/** One item, or what organization.js makes one of. */
function show_item(array $item, bool $editor): void
{
    ?>
      <li data-id="<?= h($item['id']) ?>"<?= $item['seen_by_me'] ? ' data-seen' : '' ?>>
        <h2><?= h($item['title']) ?></h2>
        <p><?= h($item['body']) ?></p>
        <footer>
          <small><span class="author"><?= h($item['author']) ?></span>, <time datetime="<?= h($item['published_at']) ?>"><?= h($item['published_at']) ?></time>, seen by <span class="seen"><?= h($item['seen']) ?></span></small>
<?php if ($editor): ?>
          <form method="post"><?= csrf_field() ?><button class="quiet" name="withdraw" value="<?= h($item['id']) ?>">Withdraw</button></form>
<?php endif ?>
        </footer>
      </li>
<?php
}
