<?php
// A small site with a login. It keeps its sessions in Redis, by the settings that server.mjs starts it with.

session_start();

$user = $_SESSION['user'] ?? null;

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    // Browsers say from which page a form was sent; other sites may not log anybody in or out.
    $origin = $_SERVER['HTTP_ORIGIN'] ?? null;
    if ($origin !== null && $origin !== getenv('SITE_URL')) {
        http_response_code(403);
        exit;
    }
    if (isset($_POST['logout'])) {
        $ended = session_id();
        session_destroy();
        revoke($ended);
    } elseif (($_POST['name'] ?? '') === 'alice' && password_verify((string) ($_POST['password'] ?? ''), getenv('PASSWORD_HASH'))) {
        // A new id, so that nobody can have planted the one of before.
        session_regenerate_id(true);
        $_SESSION['user'] = ['id' => 1, 'name' => 'alice'];
        $_SESSION['logged_in_at'] = time();
    } else {
        http_response_code(401);
        exit('Wrong name or password');
    }
    header('Location: /', true, 303);
    exit;
}

// Tells the Socket.IO server to end the sockets of a session. Until it hears it, they last for leaseSeconds at most.
function revoke(string $session): void
{
    $request = [
        'method' => 'POST',
        'header' => ['Authorization: Bearer ' . getenv('REVOKE_KEY'), 'Content-Type: text/plain'],
        'content' => $session,
        'timeout' => 2,
    ];
    file_get_contents(getenv('SOCKETS_URL') . '/revoke', false, stream_context_create(['http' => $request]));
}

// Redis need not be locked while the page is sent.
session_write_close();
?>
<!doctype html>
<title>PHP and Socket.IO</title>
<?php if ($user === null): ?>
<form method="post">
  <input name="name" placeholder="name" autocomplete="username"> <input name="password" type="password" placeholder="password" autocomplete="current-password"> <button>Log in</button>
</form>
<?php else: ?>
<form method="post"><?= htmlspecialchars($user['name']) ?> <button name="logout" value="1">Log out</button></form>
<p id="news">connecting</p>
<script src="<?= htmlspecialchars(getenv('SOCKETS_URL')) ?>/socket.io/socket.io.js"></script>
<script>
  const show = (text) => { document.getElementById('news').textContent = text }
  const socket = io(<?= json_encode(getenv('SOCKETS_URL'), JSON_HEX_TAG) ?>, { withCredentials: true })
  socket.on('greetings', show)
  socket.on('auth:closed', ({ message }) => show(message))
  socket.on('connect_error', (error) => show(error.message))
</script>
<?php endif ?>
