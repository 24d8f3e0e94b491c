<?php

declare(strict_types=1);

/** Text as HTML; also between the quotes of an attribute. */
function h(string|int $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

/** Everything up to the page's own content. */
function page_begins(string $title, ?array $user): void
{
    $gateway = (string) getenv('GATEWAY_URL');
    $socket = preg_replace('/^http/', 'ws', $gateway);
    $policy = "default-src 'self'; connect-src 'self' $gateway $socket";
    header("Content-Security-Policy: $policy; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    header('X-Content-Type-Options: nosniff');
    header('Referrer-Policy: same-origin');
    // What a member could read must not come out of a cache once he is no member any more.
    header('Cache-Control: no-store');
    ?>
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title><?= h($title) ?></title>
  <link rel="stylesheet" href="/style.css">
  <link rel="icon" href="/icon.svg" type="image/svg+xml">
</head>
<body>
<header>
  <a class="site" href="/">Organization news</a>
<?php if ($user !== null): ?>
  <nav>
<?php if ($user['admin']): ?>
    <a href="/members.php">Members</a>
<?php endif ?>
    <span><?= h($user['name']) ?></span>
    <form method="post" action="/logout.php"><?= csrf_field() ?><button class="quiet">Log out</button></form>
  </nav>
<?php endif ?>
</header>
<?php
}

function page_ends(): void
{
    echo "</body>\n</html>\n";
}

function csrf_field(): string
{
    return '<input type="hidden" name="csrf" value="' . h(csrf_token()) . '">';
}
