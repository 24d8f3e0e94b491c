<?php
// An application of PHP's own: a session in a cookie, an endpoint that answers as Laravel's RedisBroadcaster does, and
// events that php-redis publishes as Laravel does.
session_name('laravel_session');
session_start();
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
header('Content-Type: application/json');

if ($path === '/login') {
    $_SESSION['user'] = (int) $_GET['user'];
    echo 'true';
} elseif ($path === '/logout') {
    session_destroy();
    echo 'true';
} elseif ($path === '/broadcasting/auth' && $_SERVER['REQUEST_METHOD'] === 'POST') {
    $user = $_SESSION['user'] ?? null;
    $channel = $_POST['channel_name'] ?? '';
    if ($user === null || !is_string($channel) || ($_SERVER['HTTP_X_REQUESTED_WITH'] ?? '') !== 'XMLHttpRequest') {
        http_response_code(403);
        echo '{"message":"Unauthenticated."}';
    } elseif (str_starts_with($channel, 'presence-')) {
        echo json_encode(['channel_data' => ['user_id' => $user, 'user_info' => ['name' => "user $user"]]]);
    } elseif ($channel === "private-users.$user") {
        echo json_encode(true);
    } else {
        http_response_code(403);
    }
} elseif ($path === '/publish') {
    $redis = new Redis();
    $redis->connect($_GET['host'], (int) $_GET['port']);
    $event = ['event' => 'App\\Events\\Paid', 'data' => ['id' => 5, 'name' => 'Zoë'], 'socket' => $_GET['socket'] ?? null];
    echo $redis->publish($_GET['channel'], json_encode($event));
} else {
    http_response_code(404);
}
