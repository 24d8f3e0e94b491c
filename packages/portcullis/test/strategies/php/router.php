<?php
// The smallest site with a login: what the tests of phpSession and laravelSession ask a real PHP to write.
session_start();
switch (parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) {
    case '/login':
        session_regenerate_id(true);
        $_SESSION['user_id'] = (int) $_GET['user'];
        $_SESSION['org'] = 'acme';
        $_SESSION['note'] = 'x|admin|b:1;s:5:"admin";b:1;"}';
        break;
    case '/logout':
        session_destroy();
        break;
    case '/visit':
        $_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
        break;
}
echo session_id();
