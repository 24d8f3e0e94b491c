<?php
// What the PHP emitter writes: php emitter-legacy.php REDIS_PORT KEY NAMESPACE ROOM. The payload comes on standard input, as JSON.

[, $port, $key, $namespace, $room] = $argv;
$redis = new Redis();
$redis->connect('127.0.0.1', (int) $port);

$packet = ['type' => 2, 'data' => ['news', json_decode(stream_get_contents(STDIN), true)], 'nsp' => $namespace];
$redis->publish("$key#emitter", msgpack_pack([$packet, ['rooms' => [$room], 'flags' => []]]));
