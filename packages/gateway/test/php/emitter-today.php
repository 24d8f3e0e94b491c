<?php
// What @socket.io/redis-emitter writes, from PHP: php emitter-today.php REDIS_PORT KEY NAMESPACE ROOM; a room, `*` for all, or `kick:ROOM`.

[, $port, $key, $namespace, $room] = $argv;
$redis = new Redis();
$redis->connect('127.0.0.1', (int) $port);

if (str_starts_with($room, 'kick:')) {
    $target = ['rooms' => [substr($room, 5)], 'except' => []];
    $redis->publish("$key-request#$namespace#", json_encode(['type' => 4, 'opts' => $target, 'close' => true]));
    exit;
}
$rooms = $room === '*' ? [] : [$room];
$channel = "$key#$namespace#" . ($rooms === [] ? '' : "$room#");
$packet = ['type' => 2, 'data' => ['news', json_decode(stream_get_contents(STDIN), true)], 'nsp' => $namespace];
$redis->publish($channel, msgpack_pack(['php', $packet, ['rooms' => $rooms, 'flags' => [], 'except' => []]]));
