<?php

declare(strict_types=1);

require_once __DIR__ . '/database.php';

// In php.ini or the pool of a real site.
ini_set('session.save_handler', 'redis');
ini_set('session.save_path', (string) getenv('SESSION_SAVE_PATH'));
// An open socket does not extend a session, and ends with it: let it live as long as a page is left open.
ini_set('session.gc_maxlifetime', '28800');

session_start([
    'use_strict_mode' => true,
    'cookie_httponly' => true,
    'cookie_samesite' => 'Lax',
    'cookie_secure' => str_starts_with((string) getenv('SITE_URL'), 'https:'),
]);

/** Who is logged in, as the database knows them now; null for nobody. */
function user(): ?array
{
    $id = $_SESSION['user_id'] ?? null;
    return $id === null ? null : row('select id, name, admin from users where id = ?', $id);
}

/** Sends everybody who is not logged in to the form. */
function require_user(): array
{
    $user = user();
    if ($user === null) {
        redirect('/login.php');
    }
    return $user;
}

function log_in(int $userId): void
{
    // A new id, so that nobody can have planted the one of before; and nothing of the old session.
    session_regenerate_id(true);
    $_SESSION = ['user_id' => $userId, 'logged_in_at' => time()];
}

/** Destroys the session and gives its id, for the gateway. */
function log_out(): string
{
    $id = (string) session_id();
    $_SESSION = [];
    setcookie((string) session_name(), '', ['expires' => 1, 'path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
    session_destroy();
    return $id;
}

function csrf_token(): string
{
    return $_SESSION['csrf'] ??= bin2hex(random_bytes(32));
}

/** Ends the request unless it is the POST of a form of this session. */
function require_own_form(): void
{
    $given = $_POST['csrf'] ?? null;
    if ($_SERVER['REQUEST_METHOD'] !== 'POST' || !is_string($given) || !hash_equals(csrf_token(), $given)) {
        refuse(403, 'This form is too old. Go back, load the page again, and repeat.');
    }
}

/** A field of the form as text without white space around it; at most 8,000 bytes of UTF-8. */
function field(string $name): string
{
    $text = is_string($_POST[$name] ?? null) ? trim($_POST[$name]) : '';
    if (strlen($text) > 8000 || str_contains($text, "\0") || preg_match('//u', $text) !== 1) {
        refuse(400, 'This text cannot be taken.');
    }
    return $text;
}

function redirect(string $path): never
{
    header("Location: $path", true, 303);
    exit;
}

function refuse(int $status, string $why): never
{
    http_response_code($status);
    header('Content-Type: text/plain; charset=utf-8');
    exit($why);
}
