<?php
// A signed emission: php emitter-signed.php REDIS_PORT KEY NAMESPACE ROOM, with the secret in hexadecimal as EMITTER_SECRET.

function sign_emission(string $secret, string $channel, string $payload): string
{
    $time = pack('J', (int) (microtime(true) * 1000));
    return hash_hmac('sha256', "$channel\n$time$payload", $secret, true) . $time . $payload;
}

[, $port, $key, $namespace, $room] = $argv;
$redis = new Redis();
$redis->connect('127.0.0.1', (int) $port);

$channel = "$key.signed#$namespace#$room#";
$packet = ['type' => 2, 'data' => ['news', json_decode(stream_get_contents(STDIN), true)], 'nsp' => $namespace];
$payload = msgpack_pack(['php', $packet, ['rooms' => [$room], 'flags' => [], 'except' => []]]);
$redis->publish($channel, sign_emission(hex2bin(getenv('EMITTER_SECRET')), $channel, $payload));
