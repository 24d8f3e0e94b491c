<?php

declare(strict_types=1);

require __DIR__ . '/../php/session.php';
require __DIR__ . '/../php/gateway.php';

require_own_form();
// First the session, then its sockets: a socket that comes back in between finds no session.
$sessionId = log_out();
try {
    revoke_session($sessionId);
} catch (RuntimeException $error) {
    // The gateway looks at sessions by itself, every 30 seconds.
    error_log($error->getMessage());
}
redirect('/login.php');
